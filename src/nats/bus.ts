import { RowcastError, type Bus, type GroupMessage, type Log } from '../core/index.ts';
import type { Line } from './line.ts';

/** Bytes that may wait for a server that takes none. */
const WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Messages by core NATS, under one subject. A process hears its own as everybody else does, from the server: so everybody has one order of a
 * sender's. `send` resolves when the server has had it.
 */
export class NatsBus implements Bus {
  readonly #line: Line;
  readonly #subject: string;
  readonly #log: Log;
  readonly #listeners = new Set<(message: GroupMessage) => void>();
  #flushed: Promise<void> | null = null;
  #waiting = 0;

  private constructor(line: Line, subject: string, log: Log) {
    this.#line = line;
    this.#subject = subject;
    this.#log = log;
  }

  static async open(line: Line, subject: string, log: Log): Promise<NatsBus & { close(): void }> {
    const bus = new NatsBus(line, subject, log);
    const subscription = line.subscribe(subject, ({ data }) => bus.#hear(data));
    await line.flush();
    return Object.assign(bus, { close: () => subscription.unsubscribe() });
  }

  /** @throws {RowcastError} `ledger_lost`, `message_refused`. */
  async send(message: GroupMessage): Promise<void> {
    const text = JSON.stringify(message);
    const size = Buffer.byteLength(text);
    const { largest } = this.#line;
    if (size > largest) {
      throw refused(`a message for a group takes ${size} bytes, and the server takes at most ${largest} (max_payload): send less`);
    }
    if (this.#waiting + size > WAITING_BYTES) {
      throw refused('messages for groups are sent faster than they are taken: await each of them');
    }
    this.#line.publish(this.#subject, text);
    this.#waiting += size;
    try {
      await (this.#flushed ??= this.#flush());
    } finally {
      this.#waiting -= size;
    }
  }

  listen(hear: (message: GroupMessage) => void): () => void {
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }

  /** One for all that are sent in one turn. */
  async #flush(): Promise<void> {
    await null;
    this.#flushed = null;
    await this.#line.flush();
  }

  /** It is called by the driver, whose connection breaks at what is thrown here. */
  #hear(data: Uint8Array): void {
    const message = read(data);
    if (!message) return;
    for (const hear of this.#listeners) {
      try {
        hear(message);
      } catch (error) {
        this.#log.error({ err: error, group: message.group }, 'a message for a group could not be told');
      }
    }
  }
}

/** Null: no bus has made it. */
function read(data: Uint8Array): GroupMessage | null {
  try {
    const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString();
    const { group, stream, payload, except } = JSON.parse(text) as Partial<GroupMessage>;
    if (typeof group !== 'string' || payload === undefined || !isName(stream) || !isName(except)) return null;
    return { group, stream, payload, except };
  } catch {
    return null;
  }
}

function isName(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function refused(why: string): RowcastError {
  return new RowcastError('message_refused', why);
}
