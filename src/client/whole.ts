import type { Json, Params, WelcomeFrame } from '../protocol/index.ts';
import { keptView, restore, type Kept, type KeptView } from './kept.ts';
import type { Keeping } from './keeping.ts';
import { Link, type LinkOptions } from './link.ts';
import { lists, spread } from './lists.ts';
import { ShownWrites } from './own-writes.ts';
import { CLOSED, type Outcome } from './pending.ts';
import type { Row } from './rows.ts';
import type { SocketFactory } from './socket.ts';
import { Stream } from './stream.ts';
import { IDLE, tell, type Subscription } from './subscription.ts';
import { nameOf } from './subscriptions.ts';
import type { Client, Current, PendingWrite, Pk, Status } from './types.ts';

export interface WholeOptions extends LinkOptions {
  /** Milliseconds for which updates of one row are gathered into one write. Default 0: each is one of its own. */
  readonly coalesce?: number;
  /** Rows that a page was rendered from: shown at once, and gone on from. Then there is no connection until something is asked for. */
  readonly snapshot?: Kept;
  /** Ends itself once it has given a `snapshot`, unless something else was asked of it: for a page that is rendered on the server. */
  readonly brief?: boolean;
}

export interface WholeParts {
  readonly socket: SocketFactory;
  /** Left out: nothing outlives the page. */
  readonly keeping?: ((link: Link) => Keeping) | undefined;
}

/** Nothing comes any more, unless the app does something about it. */
const ENDED: readonly Status[] = ['closed', 'failed', 'signed-out'];

/** A client whose own writes show at once, and of which something may outlive the page. Its public face is `Client` in `types.ts`. */
export class WholeClient {
  readonly #link: Link;
  readonly #options: WholeOptions;
  /** Views of another time, by their names, for whoever asks for them. */
  readonly #kept = new Map<string, KeptView>();
  #keeping: Keeping | undefined;
  /** What was kept is not here yet. */
  #loading: Promise<void> | undefined;
  #shown!: ShownWrites;
  #pending: readonly PendingWrite[] | null = null;

  readonly on: Client['on'] = (event, handler) => this.#link.events.on(event, handler);

  constructor({ socket, keeping }: WholeParts, options: WholeOptions) {
    const { coalesce = 0, snapshot } = options;
    this.#options = options;
    this.#remember(snapshot?.views ?? []);
    this.#link = new Link(
      {
        socket,
        own: (link, writes) => {
          this.#keeping = keeping?.(link);
          const parts = { link, writes, keeping: this.#keeping, coalesce, begin: () => this.#begin(), changed: () => this.#changed() };
          return (this.#shown = new ShownWrites(parts));
        },
        held: (view) => this.#held(view),
        reached: () => this.#keeping?.touch(),
        forgot: () => this.#kept.clear(),
        ...(keeping && { admit: (welcome: WelcomeFrame) => this.#admit(welcome) }),
      },
      options,
    );
    if (this.#keeping) this.#loading = this.#load(this.#keeping);
    else if (!snapshot) this.#begin();
  }

  get status(): Status {
    return this.#link.status;
  }

  get pending(): readonly PendingWrite[] {
    return (this.#pending ??= this.#link.writes.waiting.map((each) => each.public));
  }

  stream(name: string, params?: object): Stream {
    this.#begin();
    return this.#handle(name, spread(params));
  }

  peek(name: string, params?: object): { readonly current: Current<Row>; row(pk: Pk): Row | undefined } {
    const views = spread(params);
    const known = (view: string): boolean => this.#kept.has(view) || this.#link.subscriptions.named(view) !== undefined;
    if (!views.every((each) => known(nameOf(name, each)))) return { current: IDLE, row: () => undefined };
    return this.#handle(name, views, true);
  }

  batch(work: () => void): Promise<Outcome> {
    return this.#link.writes.batch(work);
  }

  call(stream: string, input: Json, { optimistic }: { readonly optimistic?: () => void } = {}): Promise<Outcome> {
    return this.#link.writes.call(stream, input, optimistic);
  }

  async snapshot(names: readonly (string | readonly [name: string, params?: object])[]): Promise<Kept> {
    const handles = names.map((each) => (typeof each === 'string' ? this.stream(each) : this.stream(...each)));
    let off = (): void => undefined;
    try {
      const views = await new Promise<readonly KeptView[]>((resolve, reject) => {
        const look = (): void => {
          if (ENDED.includes(this.status)) reject(new Error(`there is no snapshot of a client that is ${this.status}`));
          const all = handles.flatMap((handle) => handle.views);
          // At once: what comes next may have one of them read again.
          if (all.every(({ state }) => state === 'live')) resolve(all.flatMap((view) => keptView(view) ?? []));
        };
        off = this.on('status', look);
        for (const handle of handles) {
          handle.on('current', look);
          handle.on('error', ({ stream, message }) => reject(new Error(`"${stream}" is not to be had: ${message}`)));
        }
        look();
      });
      return { user: this.#link.welcome?.user ?? null, views };
    } finally {
      off();
      for (const handle of handles) handle.close();
      if (this.#options.brief && !this.#link.subscriptions.all.some(({ ears }) => ears.size > 0)) this.close();
    }
  }

  reconnect(): void {
    if (this.#loading) void this.#loading.then(() => this.reconnect());
    else this.#link.connection.happen('reconnect');
  }

  async signOut(): Promise<void> {
    this.#link.connection.happen('signOut');
    await this.#forget();
  }

  close(): void {
    this.#keeping?.close();
    this.#link.connection.happen('close');
  }

  #handle(name: string, params: readonly (Params | undefined)[], looks?: boolean): Stream {
    return new Stream(name, { link: this.#link, params, ...(params.length !== 1 && { together: lists }) }, looks);
  }

  #begin(): void {
    if (!this.#loading) this.#link.connection.begin();
  }

  #changed(): void {
    this.#pending = null;
    const { events } = this.#link;
    if (events.hears('pending')) events.emit('pending', this.pending);
  }

  #complain(code: 'internal' | 'forbidden', message: string): void {
    this.#link.events.emit('error', { code, message });
  }

  #remember(views: readonly KeptView[]): void {
    for (const view of views) {
      const name = nameOf(view.stream, view.params);
      if (!this.#kept.has(name)) this.#kept.set(name, view);
    }
  }

  /** What was kept of a view that is new here, and what shows in it of this client's own writes. */
  #held(view: Subscription): void {
    const kept = this.#kept.get(view.name);
    if (kept) restore(view, kept);
    this.#shown.join(view);
  }

  /** What was kept is here before anything is asked: what is asked goes on from it. */
  async #load(keeping: Keeping): Promise<void> {
    const { subscriptions, writes } = this.#link;
    const kept = await keeping.load(
      () => subscriptions.all,
      (error) => this.#complain('internal', `nothing is kept: ${String(error)}`),
    );
    this.#loading = undefined;
    if (this.status !== 'connecting') return;
    this.#remember(kept.views);
    for (const each of kept.writes) this.#shown.adopted(each);
    writes.adopt(kept.writes);
    for (const view of subscriptions.all) this.#held(view);
    tell(subscriptions.all, { merged: true });
    for (const each of kept.writes) if (keeping.doubts(each)) writes.answer(each, CLOSED);
    this.#begin();
  }

  /** What was kept may be of another than the server says. */
  async #admit({ user }: WelcomeFrame): Promise<void> {
    if (this.#keeping?.isOf(user) !== false) return;
    this.#complain('forbidden', 'what was kept is of somebody else: it is forgotten');
    await this.#forget();
    this.#keeping.isOf(user); // from here on
  }

  async #forget(): Promise<void> {
    this.#link.forget();
    await this.#keeping?.wipe();
  }
}
