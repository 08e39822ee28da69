import {
  toWire,
  type CommitFrame,
  type DroppedFrame,
  type Json,
  type Params,
  type PingFrame,
  type ResetFrame,
  type WelcomeFrame,
  type WireChange,
} from '../protocol/index.ts';
import { keyOf } from './collection.ts';
import { Entry, kindsOf } from './rows.ts';
import { Subscription, tell, tellRows, type Ear } from './subscription.ts';
import type { Change, Complaint } from './types.ts';

export interface SubscriptionParts {
  /** Sends `subscribe` and gives its id. */
  subscribe(subscription: Subscription): number;
  unsubscribe(view: number): void;
  complain(complaint: Complaint): void;
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

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  join(stream: string, given: object | undefined, ear: Ear): Subscription {
    const params = given && (toWire(given) as Params);
    const name = nameOf(stream, params);
    const subscription = this.#all.get(name) ?? new Subscription(stream, params, this);
    this.#all.set(name, subscription);
    subscription.ears.add(ear);
    // Who has just asked for a stream has had no time yet to listen to it.
    this.#parts.soon(() => this.#begin(subscription.root));
    return subscription;
  }

  leave(subscription: Subscription, ear: Ear): void {
    ear.clear();
    subscription.ears.delete(ear);
    // While its number is on the way nobody could name it; `subscribed` finds it empty.
    if (subscription.ears.size === 0 && subscription.state !== 'asked') this.#end(subscription);
  }

  /** All of `welcome` is read at once: what is wrong with it shows while it is heard, not later. @throws {TypeError} when it is none. */
  learn({ streams }: WelcomeFrame): void {
    for (const info of Object.values(streams)) if (info) kindsOf(info);
  }

  opened(welcome: WelcomeFrame): void {
    this.#welcome = welcome;
    for (const subscription of this.#everyone()) this.#begin(subscription);
  }

  /** @param final there will be no other connection by itself */
  lost(final: boolean): void {
    this.#welcome = null;
    this.#asked.clear();
    this.#views.clear();
    this.#parted = [];
    for (const subscription of this.#everyone()) {
      if (subscription.state !== 'failed') subscription.state = final ? 'failed' : 'none';
      if (subscription.ears.size === 0) this.#end(subscription);
    }
    this.#turn(false);
  }

  subscribed(id: number, view: number): void {
    const subscription = this.#answered(id);
    if (!subscription) return;
    const other = this.#views.get(view);
    if (other) return this.#join(subscription, other);
    this.#views.set(view, subscription);
    if (subscription.ears.size === 0) return this.#end(subscription);
    if (subscription.token === undefined) subscription.load();
    else subscription.state = 'loading';
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
    const puts: (readonly [Subscription, string, Entry | null])[] = [];
    for (const [view, , pk, data] of all) {
      const subscription = this.#views.get(view);
      if (subscription) puts.push([subscription, keyOf(pk), data ? new Entry(pk, data, subscription.kinds) : null]);
    }
    const told: (readonly [Subscription, Change])[] = [];
    for (const [subscription, key, entry] of puts) {
      const change = subscription.rows.put(key, entry);
      if (change) told.push([subscription, change]);
      subscription.reaches(position);
    }
    this.#reached(position);
    tell(told, merged === true);
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
    if (position !== undefined) this.#reached(position);
    // One with a mark comes at any time, and knows no more than what it asks.
    if (mark === undefined) this.#turn(stale > 0);
  }

  message(stream: string, payload: Json): void {
    for (const subscription of this.#everyone()) if (subscription.stream === stream) subscription.emit('message', payload);
  }

  /** Each once, whatever it is called. */
  #everyone(): ReadonlySet<Subscription> {
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
      subscription.revive(kindsOf(info));
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
  #reached(position: string): void {
    for (const each of this.#views.values()) if (each.state === 'live') each.reaches(position);
  }

  #turn(stale: boolean): void {
    this.stale = stale;
    for (const each of this.#everyone()) each.tellStatus();
  }

  #fail(subscription: Subscription, complaint: Complaint): void {
    tellRows(subscription, subscription.fail());
    const about = { ...complaint, stream: subscription.stream };
    subscription.tellStatus();
    subscription.emit('error', about);
    this.#parts.complain(about);
  }

  #end(subscription: Subscription): void {
    for (const [name, each] of this.#all) if (each === subscription) this.#all.delete(name);
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
function nameOf(stream: string, params: Params = {}): string {
  return JSON.stringify([stream, Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
