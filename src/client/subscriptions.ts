import {
  toWire,
  type CommitFrame,
  type DroppedFrame,
  type Json,
  type Params,
  type PingFrame,
  type ReadyFrame,
  type ResetFrame,
  type RowsFrame,
  type WelcomeFrame,
  type WireChange,
} from '../protocol/index.ts';
import { keyOf } from './collection.ts';
import { Entry, kindsOf, type Kinds } from './rows.ts';
import { Subscription, tell, type Ear } from './subscription.ts';
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
  readonly #kinds = new Map<string, Kinds>();
  // What follows is true for one connection only.
  readonly #asked = new Map<number, Subscription>();
  readonly #views = new Map<number, Subscription>();
  #welcome: WelcomeFrame | null = null;
  /** The parts so far of a commit that comes in several. */
  #parted: readonly WireChange[] = [];
  #stale = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  join(stream: string, given: object | undefined, ear: Ear): Subscription {
    const params = given && (toWire(given) as Params);
    const name = nameOf(stream, params);
    const subscription = this.#all.get(name) ?? new Subscription(stream, params);
    this.#all.set(name, subscription);
    subscription.stale = this.#stale;
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
    for (const [stream, info] of Object.entries(streams)) {
      const kinds = info && kindsOf(info);
      if (!kinds || JSON.stringify(kinds) === JSON.stringify(this.#kinds.get(stream))) continue;
      this.#kinds.set(stream, kinds);
      // Rows that were revived otherwise are not gone on from.
      for (const each of this.#all.values()) if (each.stream === stream) each.token = undefined;
    }
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
      subscription.view = null;
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
    subscription.view = view;
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

  added({ view, rows, count, total }: RowsFrame): void {
    const subscription = this.#views.get(view);
    if (!subscription) return;
    for (const [pk, data] of rows) subscription.rows.add(new Entry(pk, data, subscription.kinds));
    subscription.state = 'loading';
    subscription.progress = { count, total };
    subscription.emit('progress', subscription.progress);
    subscription.tellStatus();
  }

  ready({ view, position, token }: ReadyFrame): void {
    const subscription = this.#views.get(view);
    if (!subscription) return;
    subscription.live();
    subscription.position = position;
    subscription.token = token;
    tell(
      subscription.rows.swap().map((change) => [subscription, change]),
      true,
    );
    subscription.tellStatus();
    subscription.emit('ready', undefined);
  }

  commit({ position, changes, merged, more }: CommitFrame): void {
    const all = this.#parted.length > 0 ? [...this.#parted, ...changes] : changes;
    this.#parted = more ? all : [];
    if (more) return;
    // All of it is read before any of it is applied: what is wrong with it shows here.
    const puts: (readonly [Subscription, string, Entry | null])[] = [];
    for (const [view, , pk, data] of all) {
      const subscription = this.#views.get(view);
      // A view that was left while this was on the way is none any more.
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

  #everyone(): readonly Subscription[] {
    return [...this.#all.values()];
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
      subscription.kinds = this.#kinds.get(stream) as Kinds;
      this.#asked.set(this.#parts.subscribe(subscription), subscription);
    } else {
      subscription.live();
      subscription.emit('ready', undefined);
    }
    subscription.tellStatus();
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
    this.#stale = stale;
    for (const each of this.#all.values()) each.stale = stale;
    for (const each of this.#everyone()) each.tellStatus();
  }

  #fail(subscription: Subscription, complaint: Complaint): void {
    tell(
      subscription.fail().map((change) => [subscription, change]),
      true,
    );
    const about = { ...complaint, stream: subscription.stream };
    subscription.tellStatus();
    subscription.emit('error', about);
    this.#parts.complain(about);
  }

  #end(subscription: Subscription): void {
    for (const [name, each] of this.#all) if (each === subscription) this.#all.delete(name);
    const { view } = subscription;
    subscription.state = 'none';
    if (view === null) return;
    this.#views.delete(view);
    // What has come of a commit for it is not to be taken for whoever gets its number next.
    this.#parted = this.#parted.filter(([of]) => of !== view);
    this.#parts.unsubscribe(view);
  }
}

/** Params that mean the same have the same name, whatever order they were written in; none at all are the same as none given. */
function nameOf(stream: string, params: Params = {}): string {
  return JSON.stringify([stream, Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
