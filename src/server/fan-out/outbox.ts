import type { CloseReason } from '../../protocol/index.ts';
import type { Position } from '../../core/index.ts';
import { events } from '../operations/events.ts';
import type { Item, Node, Tick } from './tick.ts';
import type { PlainFrame, Transport, Wire } from './wire.ts';

/** Bytes that may wait for one socket: over it nothing more is written, and what it misses is read again from the window. */
export const MAX_WAITING = 262_144;
/** Back to this, it may go on. */
const ROOMY = 65_536;
/**
 * Bytes that a client may not have taken in yet, by its own account. What a socket says is waiting is blind for the megabytes that the kernel
 * and whatever lies between hold.
 */
export const MAX_UNREPORTED = 1_048_576;
/** Bytes that may never wait beside what was told at one stroke: messages that stand in no log have nothing to be read again from. */
export const MOST_WAITING = 4_194_304;
/** How far apart the marks are that a client is asked to report. */
const STEP = 262_144;

/** The outgoing side of one session. */
export class Outbox<B> {
  readonly wire: Wire<B>;
  readonly transport: Transport<B>;
  readonly #tick: Tick<B>;
  /** Its place in the running tick; null: nothing is on the way. */
  node: Node<B> | null = null;
  /** All commits up to there have been written, and none since; null: it keeps up. */
  #behind: Position | null = null;
  #open = true;
  #written = 0;
  /** Bytes of the last mark the client has reported; null: it never reported one, and is not held to it. */
  #reported: number | null = null;
  #marked = 0;
  #most = MOST_WAITING;
  /** What had been taken when it was last looked at, and since when that is no more. */
  #stuck: { readonly taken: number; readonly since: number } | null = null;

  constructor(wire: Wire<B>, transport: Transport<B>, tick: Tick<B>) {
    this.wire = wire;
    this.transport = transport;
    this.#tick = tick;
  }

  /** Nobody has closed it yet, neither this side nor the other. */
  get open(): boolean {
    return this.#open;
  }

  get behind(): Position | null {
    return this.#behind;
  }

  /** The last thing on its way is of a commit: more of the same position would become one with it. */
  get inCommit(): boolean {
    return this.node !== null && this.node.item?.position != null;
  }

  /** … of this position. */
  comesTo(position: Position): boolean {
    return this.node?.item?.position === position;
  }

  push(item: Item): void {
    // A commit for one who is behind is not kept here: the window has it.
    if (this.#open && (this.#behind === null || item.position === null)) this.#tick.push(this, item);
  }

  send(frame: PlainFrame): void {
    this.push({ position: null, frame });
  }

  /** What is on its way is a write of its own, now. */
  flush(): void {
    this.#tick.write(this);
  }

  write(bytes: B, size: number): void {
    if (!this.#open) return;
    const waiting = this.transport.write(bytes);
    this.#written += size;
    this.#tick.counts.writes++;
    this.#tick.counts.bytes += size;
    if (this.#written - this.#marked >= STEP) this.#mark();
    if (waiting > this.#most) this.end('slow', 'too slow: what waits for this client is over the limit');
    else if (this.#behind === null && (waiting > MAX_WAITING || this.#isLong(size) || this.#unreported() > MAX_UNREPORTED)) {
      this.#behind = this.#tick.position;
      if (size > MAX_WAITING) this.#most = MOST_WAITING + size;
      this.#tick.behind(this);
    }
  }

  /** Much at once, and the socket did not take it: the next would find it waiting, and would have to be closed for it. */
  #isLong(size: number): boolean {
    return size > MAX_WAITING && this.transport.waiting() > MAX_WAITING;
  }

  /** The client has taken in what came before this mark. */
  reported(mark: number): void {
    if (mark > (this.#reported ?? 0) && mark <= this.#marked) this.#reported = mark;
  }

  /** Whether much more may be written just now. */
  get roomy(): boolean {
    return this.transport.waiting() <= ROOMY && this.#unreported() <= MAX_UNREPORTED / 2;
  }

  /** It has been told everything up to where the log is. */
  caughtUp(): void {
    this.#behind = null;
    this.#stuck = null;
    this.#most = MOST_WAITING;
  }

  /** Milliseconds for which it has taken nothing of what waits for it. */
  stuckFor(now: number): number {
    const taken = this.#written - this.transport.waiting() + (this.#reported ?? 0);
    if (this.#stuck === null || taken > this.#stuck.taken) this.#stuck = { taken, since: now };
    return now - this.#stuck.since;
  }

  end(why: CloseReason, message: string): void {
    if (this.#open) this.#tick.counts.ends[why]++;
    if (this.#open && events.end.hasSubscribers) events.end.publish({ reason: why, message });
    this.close(this.wire.closeCode(why), message);
  }

  /** What is on its way goes out first. */
  close(code: number, reason: string): void {
    this.flush();
    if (!this.#open) return; // its transport failed at that
    this.#open = false;
    try {
      this.transport.close(code, reason);
    } catch (error) {
      this.#tick.failed(error); // a transport of the app's own: it is closed here
    }
  }

  closed(): void {
    this.#open = false;
  }

  #unreported(): number {
    return this.#reported === null ? 0 : this.#written - this.#reported;
  }

  /** A mark is the bytes before it. */
  #mark(): void {
    this.#marked = this.#written;
    const bytes = this.wire.frame({ type: 'ping', mark: this.#marked });
    if (bytes !== null) this.transport.write(bytes);
  }
}
