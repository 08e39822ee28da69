import { connect, createServer, type Server, type Socket } from 'node:net';

const PROTOCOL_3 = 196_608;

/**
 * Stands in front of a Postgres as PgBouncer does with `pool_mode = transaction`: a client has a session of the server for one transaction,
 * and the session used last is given out first. Takes no connection that would read the log, as PgBouncer before 1.23.
 */
export class TransactionPooler implements AsyncDisposable {
  readonly url: string;
  readonly #listening: Server;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #idle: Session[] = [];

  private constructor(listening: Server, url: URL) {
    this.#listening = listening;
    this.#port = Number(url.port);
    const address = listening.address();
    const own = new URL(url);
    own.port = String(address !== null && typeof address === 'object' ? address.port : 0);
    this.url = own.href;
    listening.on('connection', (socket) => this.#serve(socket));
  }

  static async before(url: string): Promise<TransactionPooler> {
    const listening = createServer();
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return new TransactionPooler(listening, new URL(url));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listening.close(resolve));
  }

  #serve(client: Socket): void {
    this.#sockets.add(client);
    client.on('error', () => undefined);
    let startup: Buffer | null = null;
    let session: Promise<Session> | null = null;
    let asked = 0;
    const hear = (message: Buffer): void => {
      client.write(message);
      // Ready for more, in no transaction.
      if (message[0] === code('Z') && --asked === 0 && message[5] === code('I')) {
        void session?.then((free) => this.#idle.push(free));
        session = null;
      }
    };
    const messages = new Messages(false);
    client.on('data', (chunk) => {
      for (const message of messages.take(chunk as Buffer)) {
        if (!startup) {
          startup = message;
          if (startup.readInt32BE(4) !== PROTOCOL_3 || startup.includes('replication\0')) client.end(refusal());
          else client.write(WELCOME);
        } else if (message[0] === code('X')) {
          client.end();
        } else {
          if (message[0] === code('Q') || message[0] === code('S')) asked++;
          session ??= this.#session(startup);
          void session.then((each) => each.ask(message, hear));
        }
      }
    });
  }

  async #session(startup: Buffer): Promise<Session> {
    const free = this.#idle.pop();
    if (free) return free;
    const socket = connect(this.#port, '127.0.0.1');
    this.#sockets.add(socket);
    const session = new Session(socket);
    await session.start(startup);
    return session;
  }
}

/** One session of the server. */
class Session {
  readonly #socket: Socket;
  readonly #messages = new Messages(true);
  #hear: (message: Buffer) => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const message of this.#messages.take(chunk as Buffer)) this.#hear(message);
    });
  }

  start(startup: Buffer): Promise<void> {
    this.#socket.write(startup);
    return new Promise((resolve) => {
      this.#hear = (message) => message[0] === code('Z') && resolve();
    });
  }

  ask(message: Buffer, hear: (message: Buffer) => void): void {
    this.#hear = hear;
    this.#socket.write(message);
  }
}

/** Cuts a stream into messages: one byte says what it is, but for a client's first, and four how long it is. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);
  #typed: boolean;

  constructor(typed: boolean) {
    this.#typed = typed;
  }

  *take(chunk: Buffer): Generator<Buffer> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = this.#typed ? 1 : 0;
      if (this.#rest.length < head + 4) return;
      const size = head + this.#rest.readInt32BE(head);
      if (this.#rest.length < size) return;
      const message = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      this.#typed = true;
      yield message;
    }
  }
}

function code(letter: string): number {
  return letter.charCodeAt(0);
}

function message(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const WELCOME = Buffer.concat([message('R', Buffer.alloc(4)), message('K', Buffer.alloc(8)), message('Z', Buffer.from('I'))]);

function refusal(): Buffer {
  return message('E', Buffer.from('SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: replication\0\0'));
}
