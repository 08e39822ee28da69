import { toWire, type CommitFrame, type Json, type Params, type ResetFrame, type WelcomeFrame } from '../protocol/index.ts';
import type { Emitter } from './emitter.ts';
import { readerOf, type Reader } from './rows.ts';
import type { Change, Complaint, StreamEvents } from './types.ts';

/** The events of one handle. */
export type Ear = Emitter<StreamEvents<Readonly<Record<string, unknown>>>>;

/** One view, however many handles look at it. */
export interface Subscription {
  readonly stream: string;
  readonly params: Params | undefined;
  readonly key: string;
  /** Who listens, and whether it has been told `ready` on this connection. */
  readonly ears: Map<Ear, boolean>;
  /** On this connection: not asked for, asked for, or there. */
  state: 'none' | 'asked' | 'ready';
  /** Its number on this connection; a consumer of the app's own has none. */
  view: number | null;
}

export interface SubscriptionParts {
  /** Sends `subscribe` and gives its id. */
  subscribe(stream: string, params: Params): number;
  unsubscribe(view: number): void;
  complain(complaint: Complaint): void;
}

/** Which views are looked at, and which of them the server knows. */
export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #all = new Map<string, Subscription>();
  // What follows is true for one connection only.
  readonly #readers = new Map<string, Reader>();
  readonly #asked = new Map<number, Subscription>();
  readonly #views = new Map<number, Set<Subscription>>();
  #welcome: WelcomeFrame | null = null;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  join(stream: string, given: object | undefined, ear: Ear): Subscription {
    const params = given && (toWire(given) as Params);
    const key = keyOf(stream, params);
    const subscription: Subscription = this.#all.get(key) ?? { stream, params, key, ears: new Map(), state: 'none', view: null };
    this.#all.set(key, subscription);
    subscription.ears.set(ear, false);
    // Who has just asked for a stream has had no time yet to listen to it.
    queueMicrotask(() => this.#begin(subscription));
    return subscription;
  }

  leave(subscription: Subscription, ear: Ear): void {
    subscription.ears.delete(ear);
    // While its number is on the way nobody could name it; `subscribed` finds it empty.
    if (subscription.ears.size === 0 && subscription.state !== 'asked') this.#end(subscription);
  }

  /** All of `welcome` is read at once: what is wrong with it shows while it is heard, not later. @throws {TypeError} when it is none. */
  learn({ streams }: WelcomeFrame): void {
    for (const [stream, info] of Object.entries(streams)) if (info) this.#readers.set(stream, readerOf(info));
  }

  opened(welcome: WelcomeFrame): void {
    this.#welcome = welcome;
    for (const subscription of [...this.#all.values()]) this.#begin(subscription);
  }

  lost(): void {
    this.#welcome = null;
    this.#readers.clear();
    this.#asked.clear();
    this.#views.clear();
    for (const subscription of this.#all.values()) {
      subscription.state = 'none';
      subscription.view = null;
      for (const ear of subscription.ears.keys()) subscription.ears.set(ear, false);
      if (subscription.ears.size === 0) this.#all.delete(subscription.key);
    }
  }

  subscribed(id: number, view: number): void {
    const subscription = this.#answered(id);
    if (!subscription) return;
    this.#ready(subscription, view);
    if (subscription.ears.size === 0) this.#end(subscription);
  }

  /** Whether it was about a subscription. */
  refused(id: number, { code, message }: Complaint): boolean {
    const subscription = this.#answered(id);
    if (!subscription) return false;
    this.#complain(subscription, { code, message });
    if (subscription.ears.size === 0) this.#end(subscription);
    return true;
  }

  commit({ changes }: CommitFrame): void {
    const told = new Map<Subscription, Change[]>();
    const all: (readonly [Subscription, Change])[] = [];
    for (const wire of changes) {
      // A view that was left while this was on the way is none any more.
      for (const subscription of this.#views.get(wire[0]) ?? []) {
        const change = (this.#readers.get(subscription.stream) as Reader)(wire);
        const list = told.get(subscription);
        if (list) list.push(change);
        else told.set(subscription, [change]);
        all.push([subscription, change]);
      }
    }
    for (const [subscription, change] of all) {
      emit(subscription, change.action, change as never);
      emit(subscription, 'change', change);
    }
    for (const [subscription, list] of told) emit(subscription, 'commit', list);
  }

  reset({ views, reason }: ResetFrame): void {
    for (const view of views) for (const subscription of [...(this.#views.get(view) ?? [])]) emit(subscription, 'reset', reason);
  }

  message(stream: string, payload: Json): void {
    for (const subscription of [...this.#all.values()]) if (subscription.stream === stream) emit(subscription, 'message', payload);
  }

  #begin(subscription: Subscription): void {
    if (!this.#welcome || subscription.ears.size === 0) return;
    if (subscription.state === 'ready') this.#tell(subscription);
    if (subscription.state !== 'none') return;
    const { stream, params } = subscription;
    const { streams } = this.#welcome;
    const info = Object.hasOwn(streams, stream) ? streams[stream] : undefined;
    if (info === undefined) {
      this.#complain(subscription, { code: 'unknown_stream', message: `"${stream}" is not offered at this endpoint` });
      return;
    }
    if (info && params) {
      subscription.state = 'asked';
      this.#asked.set(this.#parts.subscribe(stream, params), subscription);
    } else {
      this.#ready(subscription, info?.view ?? null);
    }
  }

  #answered(id: number): Subscription | undefined {
    const subscription = this.#asked.get(id);
    if (!subscription) return undefined;
    this.#asked.delete(id);
    subscription.state = 'none';
    return subscription;
  }

  #ready(subscription: Subscription, view: number | null): void {
    subscription.state = 'ready';
    subscription.view = view;
    if (view !== null) {
      let seats = this.#views.get(view);
      if (!seats) this.#views.set(view, (seats = new Set()));
      seats.add(subscription);
    }
    this.#tell(subscription);
  }

  #tell({ ears }: Subscription): void {
    for (const [ear, told] of [...ears]) {
      if (told || !ears.has(ear)) continue;
      ears.set(ear, true);
      ear.emit('ready', undefined);
    }
  }

  #end(subscription: Subscription): void {
    if (this.#all.get(subscription.key) === subscription) this.#all.delete(subscription.key);
    const { view, params } = subscription;
    const seats = view === null ? undefined : this.#views.get(view);
    if (view === null || !seats?.delete(subscription) || seats.size > 0) return;
    this.#views.delete(view);
    if (params) this.#parts.unsubscribe(view);
  }

  #complain(subscription: Subscription, complaint: Complaint): void {
    const about = { ...complaint, stream: subscription.stream };
    emit(subscription, 'error', about);
    this.#parts.complain(about);
  }
}

type Events = StreamEvents<Readonly<Record<string, unknown>>>;

function emit<E extends keyof Events>({ ears }: Subscription, event: E, value: Events[E]): void {
  for (const ear of [...ears.keys()]) if (ears.has(ear)) ear.emit(event, value);
}

/** Params that mean the same have the same key, whatever order they were written in. */
function keyOf(stream: string, params: Params | undefined): string {
  return JSON.stringify([stream, params && Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
