import { RowcastError } from './errors.ts';
import type { Bus, GroupMessage } from './ports/bus.ts';
import type { Log } from './ports/log.ts';

export interface CarriedBusParts {
  /** Names this process: what comes back of its own is dropped by it. */
  readonly from: string;
  readonly log: Log;
  /** Takes a text, of ASCII alone, to every process. One at a time, in their order. */
  carry(text: string): Promise<void>;
}

/** Bytes of one message, at most: 1 MiB. */
export const MESSAGE_BYTES: number = 1024 * 1024;
/** Bytes that are carried at once; more messages wait for the next time. */
const BATCH_BYTES = 256 * 1024;
/** Bytes that may wait in all. */
const WAITING_BYTES = 64 * 1024 * 1024;

interface Waiting {
  readonly text: string;
  sent(): void;
  failed(error: unknown): void;
}

/**
 * A bus over something that carries texts to all processes, this one included. Who listens here is told at once; what was sent meanwhile is
 * carried together. A text that could not be carried is gone, and who sent it is told so.
 */
export class CarriedBus implements Bus {
  readonly #parts: CarriedBusParts;
  readonly #listeners = new Set<(message: GroupMessage) => void>();
  #waiting: Waiting[] = [];
  #bytes = 0;
  #carrying: Promise<void> | null = null;

  constructor(parts: CarriedBusParts) {
    this.#parts = parts;
  }

  /** @throws {RowcastError} `message_refused` */
  send(message: GroupMessage): Promise<void> {
    const { group, stream, payload, except } = message;
    const text = ascii(JSON.stringify([group, stream, payload, except]));
    if (text.length > MESSAGE_BYTES) {
      return Promise.reject(
        new RowcastError(
          'message_refused',
          `a message for a group takes ${text.length} bytes, and at most ${MESSAGE_BYTES} are carried to other processes: send less, or where it is to be had`,
        ),
      );
    }
    if (this.#bytes + text.length > WAITING_BYTES) {
      return Promise.reject(
        new RowcastError('message_refused', 'messages for groups are sent faster than they are taken: await each of them'),
      );
    }
    this.#tell(message);
    this.#bytes += text.length;
    const sent = new Promise<void>((resolve, reject) => this.#waiting.push({ text, sent: resolve, failed: reject }));
    this.#carrying ??= this.#carry();
    return sent;
  }

  listen(hear: (message: GroupMessage) => void): () => void {
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }

  /** A text has come. One that no bus has made is nothing. */
  hear(text: string): void {
    for (const message of read(text, this.#parts.from)) this.#tell(message);
  }

  /** Resolves once nothing is on its way. */
  async settled(): Promise<void> {
    await this.#carrying;
  }

  async #carry(): Promise<void> {
    await null; // what else is sent in this turn goes along
    while (this.#waiting.length > 0) {
      let bytes = 0;
      let count = 0;
      while (count < this.#waiting.length && bytes < BATCH_BYTES) bytes += (this.#waiting[count++] as Waiting).text.length;
      const batch = this.#waiting.splice(0, count);
      this.#bytes -= bytes;
      try {
        // sql: no statement, and made by JSON.stringify
        await this.#parts.carry(`[${JSON.stringify(this.#parts.from)},${batch.map(({ text }) => text).join(',')}]`);
        for (const { sent } of batch) sent();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    // In the turn that found nothing more: whoever sends in the next one begins anew.
    this.#carrying = null;
  }

  #tell(message: GroupMessage): void {
    for (const hear of this.#listeners) {
      try {
        hear(message);
      } catch (error) {
        this.#parts.log.error({ err: error, group: message.group }, 'a message for a group could not be told');
      }
    }
  }
}

function read(text: string, own: string): readonly GroupMessage[] {
  try {
    const [from, ...messages] = JSON.parse(text) as [
      string,
      ...[GroupMessage['group'], GroupMessage['stream'], GroupMessage['payload'], GroupMessage['except']][],
    ];
    if (from === own) return [];
    return messages.map(([group, stream, payload, except]) => ({ group, stream, payload, except }));
  } catch {
    return [];
  }
}

/** The same JSON, whatever the encoding of the database is. */
function ascii(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
