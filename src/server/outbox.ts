import type { CloseReason } from '../protocol/index.ts';
import type { Item, Node, PlainFrame, Tick } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

/** Bytes that may wait for one socket for as long as {@link PATIENCE}: a big commit is on the way for a moment to everybody. */
export const MAX_WAITING = 1_048_576;
/** Bytes that may never wait when there is more to write. */
export const MOST_WAITING = 16_777_216;
const PATIENCE = 5_000; // ms

/** The outgoing side of one session. */
export class Outbox<B> {
  readonly wire: Wire<B>;
  readonly transport: Transport<B>;
  readonly #tick: Tick<B>;
  /** Its place in the running tick; null: nothing is on the way. */
  node: Node<B> | null = null;
  /** What the gateway notes while it judges one change. */
  judged = 0;
  saw = false;
  sees = false;
  #open = true;
  /** Since when too much waits, in the clock's time; null: it does not. */
  #behind: number | null = null;

  constructor(wire: Wire<B>, transport: Transport<B>, tick: Tick<B>) {
    this.wire = wire;
    this.transport = transport;
    this.#tick = tick;
  }

  /** Nobody has closed it yet, neither this side nor the other. */
  get open(): boolean {
    return this.#open;
  }

  push(item: Item): void {
    if (this.#open) this.#tick.push(this, item);
  }

  send(frame: PlainFrame): void {
    this.push({ position: null, frame });
  }

  write(bytes: B | null): void {
    if (bytes === null || !this.#open) return;
    const waiting = this.transport.write(bytes);
    if (waiting <= MAX_WAITING) this.#behind = null;
    else if (waiting > MOST_WAITING || (this.#behind ??= this.#tick.now()) + PATIENCE < this.#tick.now()) {
      this.end('slow', 'too slow: what waits for this client is over the limit');
    }
  }

  end(why: CloseReason, message: string): void {
    this.close(this.wire.closeCode(why), message);
  }

  /** What is on the way and not written yet is lost: flush before, where it must not be. */
  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.transport.close(code, reason);
  }

  closed(): void {
    this.#open = false;
  }
}
