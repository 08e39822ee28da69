import type { Msg, MsgHdrs, NatsConnection, ServerInfo, Subscription } from '@nats-io/transport-node';
import { RowcastError, type Log } from '../core/index.ts';

type Driver = typeof import('@nats-io/transport-node');

/** How long a server may take to answer, ms. While a cluster chooses who leads, about four seconds, what it is asked is heard by nobody. */
const PATIENCE = 2_000;
/** How long a connection may take to be made, ms. */
const CONNECTING = 5_000;
/** The first pause before it is tried again, and the longest, ms. */
const PAUSES = { first: 100, longest: 5_000 };

/** The client is the app's to install: it is asked for when a connection is. @throws {RowcastError} `driver_missing` with the command. */
async function loadDriver(): Promise<Driver> {
  try {
    return await import('@nats-io/transport-node');
  } catch (cause) {
    const message = 'nats(…) needs the package "@nats-io/transport-node": npm install @nats-io/transport-node';
    throw new RowcastError('driver_missing', message, { cause });
  }
}

/** One connection to NATS, made here or by the app: what is asked over it is answered, or rejects with `ledger_lost`. */
export class Line {
  readonly #connection: NatsConnection;
  readonly #driver: Driver;
  readonly #isOurs: boolean;
  #held = new AbortController();
  readonly #status: ReturnType<NatsConnection['status']> & { stop?(): void };

  private constructor(connection: NatsConnection, driver: Driver, isOurs: boolean) {
    this.#connection = connection;
    this.#driver = driver;
    this.#isOurs = isOurs;
    this.#status = connection.status();
    void this.#watch();
  }

  /** @throws {RowcastError} `ledger_lost` when no server can be reached, `driver_missing`. */
  static async open(to: string | NatsConnection, log: Log): Promise<Line> {
    const driver = await loadDriver();
    if (typeof to !== 'string') return new Line(to, driver, false);
    let failures = 0;
    try {
      const connection = await driver.connect({
        ...addressOf(to),
        name: 'rowcast',
        timeout: CONNECTING,
        pingInterval: 10_000,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => {
          const pause = Math.min(PAUSES.longest, PAUSES.first * 2 ** Math.min(failures++, 10));
          return pause * (0.5 + Math.random() / 2);
        },
      });
      const line = new Line(connection, driver, true);
      line.#heard = (type) => {
        if (type === 'reconnect') failures = 0;
        log.warn({ broker: 'nats', server: connection.getServer() }, `nats: ${type}`);
      };
      return line;
    } catch (cause) {
      throw lost(`no server at ${new URL(firstOf(to)).host} can be reached`, cause);
    }
  }

  #heard: (type: 'disconnect' | 'reconnect') => void = () => undefined;

  /** Aborted as soon as the connection that is there now is lost, with the error to throw. */
  get held(): AbortSignal {
    return this.#held.signal;
  }

  get info(): ServerInfo | undefined {
    return this.#connection.info;
  }

  /** The largest message that may be sent, bytes. */
  get largest(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  headers(of: Readonly<Record<string, string>>): MsgHdrs {
    const headers = this.#driver.headers();
    for (const [name, value] of Object.entries(of)) headers.set(name, value);
    return headers;
  }

  inbox(): string {
    return this.#driver.createInbox();
  }

  async ask(subject: string, payload: Uint8Array | string = '', headers?: MsgHdrs): Promise<Msg> {
    return this.#within(() => this.#connection.request(subject, payload, { timeout: PATIENCE, ...(headers && { headers }) }));
  }

  /** Null when nobody hears that subject. */
  async offer(subject: string, payload: Uint8Array, headers: MsgHdrs): Promise<Msg | null> {
    return this.ask(subject, payload, headers).catch((error: unknown) => {
      if (isUnheard((error as Error).cause)) return null;
      throw error;
    });
  }

  /** @throws {RowcastError} `ledger_lost`. */
  publish(subject: string, payload: Uint8Array | string, reply?: string): void {
    this.held.throwIfAborted();
    try {
      this.#connection.publish(subject, payload, reply === undefined ? {} : { reply });
    } catch (cause) {
      throw lost('it cannot be sent', cause);
    }
  }

  subscribe(subject: string, hear: (message: Msg) => void): Subscription {
    this.held.throwIfAborted();
    return this.#connection.subscribe(subject, { callback: (error, message) => void (error ?? hear(message)) });
  }

  /** Resolves when the server has had all that was sent. */
  async flush(): Promise<void> {
    await this.#within(() => this.#connection.flush());
  }

  async close(): Promise<void> {
    this.#lose('it was closed');
    // An app's connection outlives this: it must not tell it for ever.
    this.#status.stop?.();
    if (this.#isOurs) await this.#connection.close();
  }

  /** A connection that is away, or a server that does not answer, is a rejection and not a wait. */
  async #within<T>(begin: () => Promise<T>): Promise<T> {
    const { held } = this;
    held.throwIfAborted();
    let [timer, abort]: [NodeJS.Timeout | undefined, () => void] = [undefined, () => undefined];
    try {
      return await new Promise<T>((resolve, reject) => {
        abort = () => reject(held.reason);
        held.addEventListener('abort', abort);
        timer = setTimeout(() => reject(lost('no server answers')), PATIENCE + 1_000);
        begin().then(resolve, (cause: unknown) => reject(lost(whyOf(cause), cause)));
      });
    } finally {
      clearTimeout(timer);
      held.removeEventListener('abort', abort);
    }
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#status) {
      if (type === 'disconnect' || type === 'close') this.#lose('the connection is lost');
      else if (type === 'reconnect') this.#held = new AbortController();
      if (type === 'disconnect' || type === 'reconnect') this.#heard(type);
    }
  }

  #lose(why: string): void {
    this.#held.abort(lost(why));
  }
}

export function lost(why: string, cause?: unknown): RowcastError {
  return new RowcastError('ledger_lost', `nats: ${why}: see that a server runs, with JetStream on; it is tried again`, { cause });
}

function whyOf(cause: unknown): string {
  if (isUnheard(cause)) return 'nobody answers for JetStream';
  const { name, message } = cause as Error;
  return name === 'TimeoutError' ? 'no server answers' : message;
}

function isUnheard(cause: unknown): boolean {
  return cause instanceof Error && (cause.name === 'NoRespondersError' || isUnheard(cause.cause) || /^no responders/.test(cause.message));
}

function firstOf(url: string): string {
  const first = url.split(',', 1)[0]?.trim() ?? '';
  return first.includes('://') ? first : `nats://${first}`;
}

/** `nats://user:password@host:4222,host:4222`, `nats://token@host`, `tls://host`. */
function addressOf(url: string): { servers: string[]; user?: string; pass?: string; token?: string; tls?: Record<string, never> } {
  const servers = url.split(',').map((each) => each.trim().replace(/^.*@|^\w+:\/\//, ''));
  const { username, password, protocol } = new URL(firstOf(url));
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return { servers, ...(protocol === 'tls:' && { tls: {} }), ...(user !== '' && (pass === '' ? { token: user } : { user, pass })) };
}
