import type { Params, Position, StreamInfo, SubscribeFrame, WelcomeFrame, WireChange } from '../protocol/index.ts';
import type { Heard, Link } from './link.ts';
import { formOf } from './rows.ts';
import { Subscription, tell, type Ear } from './subscription.ts';
import type { Complaint, Status } from './types.ts';

/** Which views are looked at, which of them the server knows, and what it says about them. */
export class Subscriptions {
  readonly #link: Link;
  readonly #all = new Map<string, Subscription>();
  // What follows is true for one connection only.
  readonly #asked = new Map<number, Subscription>();
  readonly #views = new Map<number, Subscription>();
  #streams: ReadonlyMap<string, StreamInfo | null> | null = null;
  /** The parts so far of a commit that comes in several. */
  #parted: readonly WireChange[] = [];
  /** Whether the server says that it does not know what is new. */
  stale = false;
  connection: Status = 'connecting';
  tried = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Each once, whatever it is called. */
  get all(): readonly Subscription[] {
    return [...new Set(this.#all.values())];
  }

  /** The views of a stream. */
  of(stream: string): readonly Subscription[] {
    return this.all.filter((each) => each.stream === stream);
  }

  /** The view of this name, where it is held. */
  named(name: string): Subscription | undefined {
    return this.#all.get(name)?.root;
  }

  /** A view to look at: nothing is asked. */
  hold(stream: string, params?: Params): Subscription {
    const name = nameOf(stream, params);
    const held = this.named(name);
    if (held) return held;
    const made = new Subscription({ name, stream, params }, this);
    this.#all.set(name, made);
    this.#link.parts.held?.(made);
    made.rows.changes(); // who looks at it is told all of it, and later
    return made;
  }

  join(stream: string, params: Params | undefined, ear: Ear): Subscription {
    const view = this.hold(stream, params);
    view.lingers?.cancel();
    view.ears.add(ear);
    // Who has just asked for a stream has had no time yet to listen to it.
    this.#link.soon(() => this.#begin(view.root));
    return view;
  }

  leave(view: Subscription, ear: Ear): void {
    const { clock, linger } = this.#link;
    ear.clear();
    view.ears.delete(ear);
    if (view.ears.size > 0) return;
    view.lingers?.cancel();
    if (linger === 0) this.#end(view);
    else view.lingers = clock.after(linger, () => view.ears.size === 0 && this.#end(view));
  }

  /** What is done about what the server says of views. */
  readonly heard: Pick<Heard, 'subscribed' | 'rows' | 'ready' | 'commit' | 'reset' | 'dropped' | 'ping' | 'message' | 'error'> = {
    subscribed: ({ id, view: number }) => {
      const view = this.#answered(id);
      if (!view) return;
      const other = this.#views.get(number);
      if (other) return this.#join(view, other);
      this.#views.set(number, view);
      view.state = 'loading';
      if (view.ears.size === 0) return this.#end(view);
      // What was read in place of the rows that are gone on from is worth nothing.
      view.rows.staged = null;
      if (view.token === undefined) view.load();
      view.tell();
    },
    // A view that was left while this was on the way is none any more.
    rows: (frame) => this.#views.get(frame.view)?.added(frame),
    ready: (frame) => this.#views.get(frame.view)?.ready(frame),
    commit: ({ position, changes, merged, more }) => {
      const all = [...this.#parted, ...changes];
      this.#parted = more ? all : [];
      if (more) return;
      // All of it is read before any of it is applied: what is wrong with it shows here.
      const puts = all.map(([number, , pk, data = null]) => [this.#views.get(number), pk, data] as const);
      for (const [view, pk, data] of puts) {
        view?.rows.put(pk, data);
        // One that is gone on from has it at once; one that is read anew, with all the others.
        if (view && !view.rows.staged) view.reaches(position);
      }
      this.#reached(position, merged === true);
    },
    reset: ({ views, reason }) => {
      const all = views.flatMap((number) => this.#views.get(number) ?? []);
      for (const view of all) view.load();
      for (const view of all) {
        view.emit('reset', reason);
        view.tell();
      }
    },
    dropped: ({ view: number, code, message }) => {
      const view = this.#views.get(number);
      this.#views.delete(number);
      if (view) this.#fail(view, { code, message });
    },
    ping: ({ position, stale = 0, mark }) => {
      if (position !== undefined) this.#reached(position, false);
      // One with a mark comes at any time, and knows no more than what it asks.
      if (mark !== undefined) return void this.#link.say({ type: 'at', mark });
      this.stale = stale > 0;
      this.tell();
    },
    message: ({ stream, payload }) => {
      if (stream === null) this.#link.events.emit('message', payload);
      else for (const view of this.of(stream)) view.emit('message', payload);
    },
    error: ({ id = 0, code, message }) => {
      const view = this.#answered(id);
      if (!view) return this.#link.events.emit('error', { code, message });
      this.#fail(view, { code, message });
      if (view.ears.size === 0) this.#end(view);
    },
  };

  /** All of `welcome` is read at once: what is wrong with it shows while it is heard, not later. @throws {TypeError} when it is none. */
  learn({ streams }: WelcomeFrame): void {
    for (const info of Object.values(streams)) if (info) formOf(info);
  }

  opened({ streams }: WelcomeFrame): void {
    this.#streams = new Map(Object.entries(streams));
    for (const view of this.all) this.#begin(view);
  }

  /** The connection is another. {@link tell} says so. */
  moved(connection: Status): void {
    this.connection = connection;
    this.tried ||= connection !== 'connecting';
    if (connection === 'open') return;
    // Nothing that was said on the last one is true any more.
    this.#streams = null;
    this.#asked.clear();
    this.#views.clear();
    this.#parted = [];
    this.stale = false;
    for (const view of this.all) {
      // There will be no other by itself.
      if (view.state !== 'failed') view.state = connection === 'failed' ? 'failed' : 'none';
      if (view.ears.size === 0) this.#end(view);
    }
  }

  /** The rows go, and are asked for anew where there is a connection for it. */
  forget(): void {
    for (const view of this.all) view.fail('none');
    tell(this.all, { merged: true });
  }

  /** What each view says of itself, where that is another. */
  tell(): void {
    for (const view of this.all) view.tell();
  }

  /** Asks for a view, where that can be done and was not. */
  #begin(view: Subscription): void {
    if (view.ears.size === 0) return;
    view.greet();
    const { stream, params, state } = view;
    if (!this.#streams || (state !== 'none' && state !== 'failed')) return;
    const info = this.#streams.get(stream);
    if (info === null) {
      view.live();
      view.tell();
      return view.emit('ready', undefined);
    }
    // One that is not offered is asked for as well: it is for the server to say so.
    if (info) view.learn(info);
    const { token, position } = view;
    const id = this.#link.id();
    const complaint = this.#link.say({ type: 'subscribe', id, stream, params, at: token && position, token } as SubscribeFrame);
    if (complaint) return this.#fail(view, complaint);
    view.state = 'asked';
    this.#asked.set(id, view);
    // Those that were made here before anybody knew what they look like.
    tell([view], { merged: false, local: true });
  }

  #answered(id: number): Subscription | undefined {
    const view = this.#asked.get(id);
    this.#asked.delete(id);
    return view;
  }

  /** Two spellings of one view: the server holds it once, and so do we. It reads its rows once more. */
  #join(view: Subscription, other: Subscription): void {
    view.same = other;
    for (const [name, each] of this.#all) if (each === view) this.#all.set(name, other);
    for (const ear of view.ears) {
      ear.told = false;
      other.ears.add(ear);
    }
    other.load();
    other.greet();
    other.tell();
  }

  /** Everything up to there has come, on all views that are followed. */
  #reached(position: Position, merged: boolean): void {
    const views = [...this.#views.values()];
    for (const view of views) if (view.state === 'live') view.reaches(position);
    tell(views, { merged });
    this.#link.reached(position);
  }

  #fail(view: Subscription, complaint: Complaint): void {
    view.fail();
    tell([view], { merged: true });
    const about = { ...complaint, stream: view.stream };
    view.emit('error', about);
    this.#link.events.emit('error', about);
  }

  #end(view: Subscription): void {
    // While its number is on the way nobody could name it; `subscribed` finds it empty.
    if (view.state === 'asked') return;
    for (const [name, each] of this.#all) if (each === view) this.#all.delete(name);
    view.lingers?.cancel();
    view.state = 'none';
    for (const [number, each] of this.#views) {
      if (each !== view) continue;
      this.#views.delete(number);
      // What has come of a commit for it is not to be taken for whoever gets its number next.
      this.#parted = this.#parted.filter(([of]) => of !== number);
      this.#link.say({ type: 'unsubscribe', view: number });
    }
  }
}

/** Params that mean the same have the same name, whatever order they were written in; none at all are the same as none given. */
export function nameOf(stream: string, params: Params = {}): string {
  return JSON.stringify([stream, Object.entries(params).sort()]);
}
