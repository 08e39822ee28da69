import type { AnswerCode } from '../../protocol/index.ts';
import { shows, type Entry, type Position, type ResetReason, type Snapshot } from '../../core/index.ts';
import type { Audience, Seat, View } from '../fan-out/audience.ts';
import type { Caller } from './caller.ts';
import { isTooMuch, merged, unseen } from '../fan-out/catch-up.ts';
import type { Load } from './load.ts';
import type { Gateway } from '../fan-out/gateway.ts';
import type { Held } from '../fan-out/held.ts';
import type { Outbox } from '../fan-out/outbox.ts';
import type { Item } from '../fan-out/tick.ts';

/** Who holds it. */
export interface Holder {
  readonly caller: Caller;
  /** The commits since then that changed what the user belongs to, and so what they may have of the view. */
  granted(subscription: Subscription, after: Position): readonly Pick<Entry, 'position' | 'xid'>[];
  /** Shows later that the view has been held since then. */
  token(subscription: Subscription, since: Position): string;
  /** Counts the times that a view of the connection became ready. */
  count(): number;
  /** It cannot be had. */
  refuse(subscription: Subscription, code: AnswerCode, message: string): void;
}

/** What a token said of an earlier connection; null: the client gets another one. */
export interface Resumed {
  readonly since: Position;
  readonly token: string | null;
}

/** Bytes that are a write of their own. */
const ALONE = 65_536;
/** Between two readings that came to nothing, ms. */
const FIRST_WAIT = 50;
const LAST_WAIT = 10_000;

/**
 * One view of one session. It is loading, or live. While it loads it gets nothing and nothing is kept for it: the window remembers. It becomes
 * live at one stroke: what happened since the rows were read, then `ready`, then its seat in the audience.
 */
export class Subscription implements Seat {
  readonly view: View;
  readonly box: Outbox<unknown>;
  judged = 0;
  saw = false;
  sees = false;
  /** It gets nothing until it is known again what its user belongs to. */
  suspended = false;
  readonly #holder: Holder;
  #groups: Held;
  #live = false;
  #ended = false;
  #since: Position | null = null;
  #load: Load | null = null;
  #round = 0;
  #next = 0;
  /** A later reset, or start, makes an earlier one's start void. */
  #turn = 0;
  /** What waits for the connection to have caught up. */
  #untold: (() => void) | null = null;
  #readied = 0;
  /** Readings in a row that the window did not go back to. */
  #missed = 0;

  constructor(view: View, groups: Held, holder: Holder) {
    this.view = view;
    this.box = holder.caller.box;
    this.#groups = groups;
    this.#holder = holder;
    this.#gateway.observed.counts.subscriptions++;
  }

  get #gateway(): Gateway {
    return this.#holder.caller.parts.gateway;
  }

  get #audience(): Audience {
    return this.#holder.caller.endpoint.audience;
  }

  get groups(): Held {
    return this.#groups;
  }

  get live(): boolean {
    return this.#live;
  }

  /** Which of the connection's `ready`s was the last of this view. */
  get readied(): number {
    return this.#readied;
  }

  /** The one that `ready` gave. */
  get token(): string | null {
    return this.#since === null ? null : this.#holder.token(this, this.#since);
  }

  /** Live from here on, and nothing of before: for a wire without first rows. */
  attend(): void {
    this.#sit();
  }

  /**
   * What is pushed to a connection that is behind is not passed on: it is done at once, or when the connection has caught up, unless something
   * else became of the view by then.
   */
  onceTold(then: () => void): void {
    if (this.box.inCommit) this.box.flush();
    this.#untold = null;
    if (this.box.behind === null) return then();
    const turn = this.#turn;
    this.#untold = () => {
      if (!this.#ended && turn === this.#turn) this.onceTold(then);
    };
  }

  /** The connection is not behind any more. */
  caughtUp(): void {
    this.#untold?.();
  }

  /** Goes on from where an earlier connection was. Only {@link onceTold}. @returns false: there is too much to be told. */
  resume(at: Position, { since, token }: Resumed): boolean {
    const { box } = this;
    const { catchUps } = this.#gateway;
    const { told, bytes } = catchUps.since(at, this.view, this.#groups);
    if (!told) return false;
    this.#since = since;
    // Much is not copied to stand in one write with what is this connection's own.
    if (bytes > ALONE) box.flush();
    if (told.item) box.push(told.item);
    if (bytes > ALONE) box.flush();
    this.#ready(token);
    return true;
  }

  /** The same, by other groups. */
  move(groups: Held): void {
    this.#rise();
    this.#groups = groups;
    this.#sit();
  }

  /** Reads the rows. */
  start(fresh = false): void {
    this.#turn++;
    this.#rise();
    this.#leave();
    this.#since = null;
    this.#next = 0;
    if (this.#groups.size === 0) return this.onceTold(() => this.#ready()); // nobody's rows
    const load = this.#holder.caller.parts.firstRows.load({ stream: this.view.stream, groups: this.#groups }, fresh);
    this.#load = load;
    this.#round = load.round;
    load.wait(this);
    this.pump();
  }

  /** What the client has cannot be gone on from: it is told why, and gets the rows again. */
  reset(reason: ResetReason, groups: Held = this.#groups, fresh = true): void {
    this.suspend(reason);
    this.#groups = groups;
    this.#again(fresh);
  }

  #again(fresh: boolean): void {
    const turn = ++this.#turn;
    const again = (): void => {
      if (!this.#ended && turn === this.#turn) this.start(fresh);
    };
    // A window too small for what goes on is not helped by asking the database without a pause.
    this.#gateway.outgoing.soon(again, this.#missed === 0 ? 0 : Math.min(FIRST_WAIT * 2 ** this.#missed, LAST_WAIT));
  }

  /** Gives whether it was suspended. */
  wake(): boolean {
    const was = this.suspended;
    this.suspended = false;
    return was;
  }

  /** … and gets nothing until it is started again. */
  suspend(reason: ResetReason): void {
    this.#turn++;
    this.#rise();
    this.#leave();
    this.#gateway.observed.reset(this.view.stream.name, reason);
    this.box.send({ type: 'reset', position: this.#gateway.window.tail, views: [this.view.number], reason });
    this.#gateway.outgoing.touch();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#gateway.observed.counts.subscriptions--;
    this.#rise();
    this.#leave();
    this.#audience.release(this.view);
  }

  /** What the connection has missed while it was behind. @returns null: there is too much to be told. */
  missed(after: Position): readonly Item[] | null {
    const { window } = this.#gateway;
    const passed = window.since(after, this.view.stream.name, this.#groups.keys());
    return isTooMuch(passed) ? null : merged(passed, this.view, { holds: this.#groups, position: window.tail });
  }

  /** Gives the connection as much of the rows as it can take, and joins when all are there. */
  pump(): void {
    const load = this.#load;
    if (!load) return;
    if (load.state === 'refused') {
      this.#leave();
      return this.#holder.refuse(this, load.code, load.message);
    }
    if (load.round !== this.#round) {
      this.#round = load.round;
      this.#next = 0;
      this.#gateway.observed.reset(this.view.stream.name, 'retention');
      this.box.send({ type: 'reset', position: this.#gateway.window.tail, views: [this.view.number], reason: 'retention' });
    }
    if (!load.snapshot) return;
    if (this.#next === 0 && !this.#mayHave(load.snapshot)) {
      this.#missed++;
      this.#leave();
      return this.#again(true);
    }
    while (this.#next < load.pages && this.box.behind === null && this.box.roomy) {
      this.box.push(load.item(this.view, this.#next++));
      this.box.flush();
    }
    if (this.waits) this.#gateway.slow.add(this.box);
    else if (load.state === 'read') this.#join(load.snapshot);
  }

  /** Whether the connection has to take more before it goes on. */
  get waits(): boolean {
    return (
      this.#load !== null &&
      this.#load.snapshot !== null &&
      (this.#next < this.#load.pages || (this.#load.state === 'read' && this.box.behind !== null))
    );
  }

  /** Rows of before they were granted are not the user's to see: the log may be ahead of what can be read. */
  #mayHave(snapshot: Snapshot): boolean {
    const start = this.#gateway.window.startOf(snapshot);
    return start !== null && this.#holder.granted(this, start).every((entry) => shows(snapshot, entry));
  }

  #join(snapshot: Snapshot): void {
    const { box } = this;
    const { window, slow } = this.#gateway;
    const { stream } = this.view;
    box.flush();
    if (box.behind !== null) return slow.add(box);
    const start = window.startOf(snapshot);
    if (start === null) {
      this.#missed++;
      return this.reset('retention');
    }
    const reset = window.resetSince(start, stream.name, snapshot);
    if (reset) return this.reset(reset);
    this.#missed = 0;
    this.#leave();
    const passed = unseen(window.since(start, stream.name, this.#groups.keys()), snapshot);
    for (const item of merged(passed, this.view, { holds: this.#groups, position: window.tail })) box.push(item);
    this.#ready();
  }

  /** `held`: a token that the client has, and that is as good as a new one. */
  #ready(held: string | null = null): void {
    const position = this.#gateway.window.tail;
    this.#since ??= position;
    this.#readied = this.#holder.count();
    this.box.send({ type: 'ready', view: this.view.number, position, token: held ?? this.#holder.token(this, this.#since) });
    this.#sit();
    this.#gateway.outgoing.touch();
  }

  #sit(): void {
    this.#live = true;
    this.#audience.sit(this, this.#groups.keys());
  }

  #rise(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#audience.rise(this, this.#groups.keys());
  }

  #leave(): void {
    this.#load?.leave(this);
    this.#load = null;
  }
}
