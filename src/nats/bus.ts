import type { Bus, GroupMessage } from '../core/index.ts';
import { lost, type Line } from './line.ts';

/**
 * Messages by core NATS, under one subject. A process hears its own as everybody else does, from the server: so everybody has one order of a
 * sender's. `send` resolves when the server has had it.
 */
export class NatsBus implements Bus {
  readonly #line: Line;
  readonly #subject: string;
  readonly #listeners = new Set<(message: GroupMessage) => void>();
  #flushed: Promise<void> | null = null;

  private constructor(line: Line, subject: string) {
    this.#line = line;
    this.#subject = subject;
  }

  static async open(line: Line, subject: string): Promise<NatsBus & { close(): void }> {
    const bus = new NatsBus(line, subject);
    const subscription = line.subscribe(subject, ({ data }) => bus.#hear(data));
    await line.flush();
    return Object.assign(bus, { close: () => subscription.unsubscribe() });
  }

  async send(message: GroupMessage): Promise<void> {
    const text = JSON.stringify(message);
    const size = Buffer.byteLength(text);
    const { largest } = this.#line;
    if (size > largest) throw lost(`a message of ${size} bytes is larger than the server takes (max_payload: ${largest}), and is not sent`);
    this.#line.publish(this.#subject, text);
    await (this.#flushed ??= this.#flush());
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

  #hear(data: Uint8Array): void {
    const message = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) as GroupMessage;
    for (const hear of this.#listeners) hear(message);
  }
}
