import {
  type CommitFrame,
  type DroppedFrame,
  type Json,
  type Params,
  type PingFrame,
  type Position,
  type ResetFrame,
  type WelcomeFrame,
  type WireChange,
} from '../protocol/index.ts';
import type { ClientClock } from './clock.ts';
import { formOf } from './rows.ts';
import { Subscription, tell, type Ear } from './subscription.ts';
import type { Complaint, Status } from './types.ts';

export interface SubscriptionParts {
  readonly clock: ClientClock;
  /** Milliseconds for which a view that nobody looks at any more is kept. */
  readonly linger: number;
  /** Sends `subscribe` and gives its id. */
  subscribe(subscription: Subscription): number;
  unsubscribe(view: number): void;
  complain(complaint: Complaint): void;
  /** Whether something was kept of the view of this name. */
  known(name: string): boolean;
  /** A view is new here: what was kept of it, and what shows in it of this client's own writes. */
  begin(subscription: Subscription): void;
  /** The rows of all that is followed are those of there. */
  reached(position: Position): void;
  /** Does it when what runs now has ended. */
  soon(work: () => void): void;
}

/** Which views are looked at, which of them the server knows, and what it says about them. */
export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #all = new Map<string, Subscription>();
  // What follows is true for one connection only.
  readonly #asked = new Map<number, Subscription>();
  readonly #views = new Map<number, Subscription>();
  #welcome: WelcomeFrame | null = null;
  /** The parts so far of a commit that comes in several. */
  #parted: readonly WireChange[] = [];
  /** Whether the server says that it does not know what is new. */
  stale = false;
  connection: Status = 'connecting';

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  /** The views of a stream. */
  of(stream: string): readonly Subscription[] {
    return [...this.everyone()].filter((each) => each.stream === stream);
  }

  /** A view that is held, or was kept: nothing is asked. */
  find(stream: string, params: Params | undefined): Subscription | undefined {
    const name = nameOf(stream, params);
    return this.#all.get(name)?.root ?? (this.#parts.known(name) ? this.#add(name, stream, params) : undefined);
  }

  join(stream: string, params: Params | undefined, ear: Ear): Subscription {
    const name = nameOf(stream, params);
    const subscription = this.#all.get(name) ?? this.#add(name, stream, params);
    const { root } = subscription;
    root.lingers?.cancel();
    root.ears.add(ear);
    // Who has just asked for a stream has had no time yet to listen to it.
    this.#parts.soon(() => this.#begin(root.root));
    return root;
  }

  /** Somebody looks at something. */
  get watched(): boolean {
    return [...this.everyone()].some(({ ears }) => ears.size > 0);
  }

  /** What was kept has come later than those who look at it. */
  restore(): void {
    for (const each of this.everyone()) if (each.state === 'none') this.#parts.begin(each);
    tell(this.everyone(), { merged: true });
    for (const each of this.everyone()) each.tellStatus();
  }

  #add(name: string, stream: string, params: Params | undefined): Subscription {
    const subscription = new Subscription({ name, stream, params }, this);
    this.#all.set(name, subscription);
    this.#parts.begin(subscription);
    subscription.rows.changes(); // who looks at it is told all of it, and later
    return subscription;
  }

  leave(subscription: Subscription, ear: Ear): void {
    const { clock, linger } = this.#parts;
    ear.clear();
    subscription.ears.delete(ear);
    if (subscription.ears.size > 0) return;
    subscription.lingers?.cancel();
    if (linger === 0) this.#end(subscription);
    else subscription.lingers = clock.after(linger, () => subscription.ears.size === 0 && this.#end(subscription));
  }

  /** All of `welcome` is read at once: what is wrong with it shows while it is heard, not later. @throws {TypeError} when it is none. */
  learn({ streams }: WelcomeFrame): void {
    for (const info of Object.values(streams)) if (info) formOf(info);
  }

  opened(welcome: WelcomeFrame): void {
    this.#welcome = welcome;
    for (const subscription of this.everyone()) this.#begin(subscription);
  }

  /** Nothing that was said on it is true any more. {@link moved} tells who looks. */
  lost(connection: Status): void {
    this.connection = connection;
    this.#welcome = null;
    this.#asked.clear();
    this.#views.clear();
    this.#parted = [];
    this.stale = false;
    for (const each of this.everyone()) {
      // There will be no other by itself.
      if (each.state !== 'failed') each.state = connection === 'failed' ? 'failed' : 'none';
      if (each.ears.size === 0) this.#end(each);
    }
  }

  /** The connection is another. */
  moved(connection: Status): void {
    this.connection = connection;
    for (const each of this.everyone()) each.tellStatus();
  }

  /** Nothing is known any more. */
  forget(): void {
    for (const each of this.everyone()) {
      each.fail();
      each.state = 'none';
    }
    tell(this.everyone(), { merged: true });
    this.#turn(false);
  }

  subscribed(id: number, view: number): void {
    const subscription = this.#answered(id);
    if (!subscription) return;
    const other = this.#views.get(view);
    if (other) return this.#join(subscription, other);
    this.#views.set(view, subscription);
    subscription.state = 'loading';
    if (subscription.ears.size === 0) return this.#end(subscription);
    if (subscription.token === undefined) subscription.load();
    subscription.tellStatus();
  }

  /** Whether it was about a subscription. */
  refused(id: number, complaint: Complaint): boolean {
    const subscription = this.#answered(id);
    if (!subscription) return false;
    this.#fail(subscription, complaint);
    if (subscription.ears.size === 0) this.#end(subscription);
    return true;
  }

  /** Undefined: a view that was left while this was on the way is none any more. */
  at(view: number): Subscription | undefined {
    return this.#views.get(view);
  }

  commit({ position, changes, merged, more }: CommitFrame): void {
    const all = this.#parted.length > 0 ? [...this.#parted, ...changes] : changes;
    this.#parted = more ? all : [];
    if (more) return;
    // All of it is read before any of it is applied: what is wrong with it shows here.
    const puts = all.map(([view, , pk, data = null]) => [this.#views.get(view), pk, data] as const);
    const touched = new Set<Subscription>();
    for (const [subscription, pk, data] of puts) {
      subscription?.rows.put(pk, data);
      if (subscription) touched.add(subscription);
    }
    // One that is gone on from has them at once; one that is read anew, with all the others.
    for (const each of touched) if (each.token !== undefined) each.reaches(position);
    this.#reached(position, touched, merged === true);
  }

  reset({ views, reason }: ResetFrame): void {
    const touched = views.flatMap((view) => this.#views.get(view) ?? []);
    for (const subscription of touched) subscription.load();
    for (const subscription of touched) {
      subscription.emit('reset', reason);
      subscription.tellStatus();
    }
  }

  dropped({ view, code, message }: DroppedFrame): void {
    const subscription = this.#views.get(view);
    this.#views.delete(view);
    if (subscription) this.#fail(subscription, { code, message });
  }

  ping({ position, stale = 0, mark }: PingFrame): void {
    if (position !== undefined) this.#reached(position, new Set(), false);
    // One with a mark comes at any time, and knows no more than what it asks.
    if (mark === undefined) this.#turn(stale > 0);
  }

  message(stream: string, payload: Json): void {
    for (const subscription of this.everyone()) if (subscription.stream === stream) subscription.emit('message', payload);
  }

  /** Each once, whatever it is called. */
  everyone(): ReadonlySet<Subscription> {
    return new Set(this.#all.values());
  }

  #begin(subscription: Subscription): void {
    if (subscription.ears.size === 0) return;
    subscription.greet();
    const { stream, state } = subscription;
    if (!this.#welcome || (state !== 'none' && state !== 'failed')) return;
    const { streams } = this.#welcome;
    const info = Object.hasOwn(streams, stream) ? streams[stream] : undefined;
    if (info === undefined)
      return this.#fail(subscription, { code: 'unknown_stream', message: `"${stream}" is not offered at this endpoint` });
    if (info) {
      subscription.state = 'asked';
      subscription.learn(info);
      this.#asked.set(this.#parts.subscribe(subscription), subscription);
    } else subscription.live();
    subscription.tellStatus();
    if (!info) subscription.emit('ready', undefined);
  }

  #answered(id: number): Subscription | undefined {
    const subscription = this.#asked.get(id);
    this.#asked.delete(id);
    return subscription;
  }

  /** Two spellings of one view: the server holds it once, and so do we. It reads its rows once more. */
  #join(subscription: Subscription, other: Subscription): void {
    subscription.same = other;
    for (const [name, each] of this.#all) if (each === subscription) this.#all.set(name, other);
    for (const ear of subscription.ears) {
      ear.told = false;
      other.ears.add(ear);
    }
    other.load();
    other.greet();
    other.tellStatus();
  }

  /** Everything up to there has come, on all views that are followed. */
  #reached(position: Position, touched: Set<Subscription>, merged: boolean): void {
    for (const each of this.#views.values()) {
      if (each.state !== 'live') continue;
      each.reaches(position);
      touched.add(each);
    }
    tell(touched, { merged });
    this.#parts.reached(position);
  }

  #turn(stale: boolean): void {
    this.stale = stale;
    for (const each of this.everyone()) each.tellStatus();
  }

  #fail(subscription: Subscription, complaint: Complaint): void {
    subscription.fail();
    tell([subscription], { merged: true });
    const about = { ...complaint, stream: subscription.stream };
    subscription.tellStatus();
    subscription.emit('error', about);
    this.#parts.complain(about);
  }

  #end(subscription: Subscription): void {
    // While its number is on the way nobody could name it; `subscribed` finds it empty.
    if (subscription.state === 'asked') return;
    for (const [name, each] of this.#all) if (each === subscription) this.#all.delete(name);
    subscription.lingers?.cancel();
    subscription.state = 'none';
    for (const [view, each] of this.#views) {
      if (each !== subscription) continue;
      this.#views.delete(view);
      // What has come of a commit for it is not to be taken for whoever gets its number next.
      this.#parted = this.#parted.filter(([of]) => of !== view);
      this.#parts.unsubscribe(view);
    }
  }
}

/** Params that mean the same have the same name, whatever order they were written in; none at all are the same as none given. */
export function nameOf(stream: string, params: Params | undefined = {}): string {
  return JSON.stringify([stream, Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
