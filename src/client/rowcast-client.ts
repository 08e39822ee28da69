import { toWire, type ClientFrame, type Key, type ServerFrame, type WelcomeFrame, type WriteBody } from '../protocol/index.ts';
import { systemClock, type ClientClock } from './clock.ts';
import { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';
import { isDoubtful, type Keeping } from './keeping.ts';
import type { Kept, KeptView } from './kept.ts';
import { fullJitter } from './machine.ts';
import type { Overlay, Place } from './overlay.ts';
import { Pending, Queue, refusal, type Laid, type Outcome, type Says } from './queue.ts';
import type { Row } from './rows.ts';
import type { SocketFactory, TokenSupplier } from './socket.ts';
import { Stream, type StreamParts } from './stream.ts';
import { nameOf, Subscriptions } from './subscriptions.ts';
import type { BatchAnswer, CallAnswer, ClientEvents, Complaint, Current, PendingWrite, Pk, Status } from './types.ts';

export interface CoreOptions {
  /** Milliseconds to wait before the nth try to reconnect, 0 being the first. Default: a random part of 0.5 to 30 s, growing. */
  readonly delay?: (attempt: number) => number;
  /** Bytes the endpoint takes in one frame. Default 65,536; set it when the endpoint's own limit is another. */
  readonly frameBytes?: number;
  /** Milliseconds for which a view is followed after the last handle on it was closed. Default 3,000. */
  readonly linger?: number;
  /** Milliseconds for which updates of one row are gathered into one write. Default 0: each is one of its own. */
  readonly coalesce?: number;
  /** Credentials for those who have no cookie: asked for before each connection, and when those of this one run out. */
  readonly token?: TokenSupplier;
  /** Rows that a page was rendered from: shown at once, and gone on from. Then there is no connection until something is asked for. */
  readonly snapshot?: Kept;
  /** Ends itself once it has given a `snapshot`, unless something else was asked of it: for a page that is rendered on the server. */
  readonly brief?: boolean;
  /** In place of the platform's time, of its chance, and of a name by chance: for a simulation, which can then be run again as it was. */
  readonly clock?: ClientClock;
  readonly random?: () => number;
  readonly name?: string;
}

/** What a client is made of, beside what every one is. */
export interface CoreParts {
  readonly socket: SocketFactory;
  /** Left out: writes show when the server has told them. */
  readonly overlay?: typeof Overlay;
  /** Left out: nothing outlives the page. */
  readonly keeping?: ((client: string, clock: ClientClock) => Keeping) | undefined;
}

/** Shared work of one `batch` or `call`. */
interface Gathering {
  readonly writes: WriteBody[];
  readonly places: Place[];
  /** Resolves to what became of all of it. */
  readonly all: Promise<Outcome>;
}

/** A result of nobody's own write in particular. */
const CLOSED = 'the client was closed before the answer came: it may have been applied or not';
const DOUBTFUL = 'it was sent so long ago that nobody knows whether it was applied';
/** A receipt that does not come, for its transaction left none, or its connection is gone: 5 s. */
const RECEIPT = 5_000;

/** One connection, the views that are looked at over it, and what is on its way. Its public face is `Client` in `types.ts`. */
export class RowcastClient {
  readonly #events = new Emitter<ClientEvents>();
  readonly #options: CoreOptions;
  readonly #parts: CoreParts;
  readonly #clock: ClientClock;
  readonly #name: string;
  readonly #subscriptions: Subscriptions;
  readonly #queue: Queue;
  readonly #overlay: Overlay | undefined;
  readonly #streams: StreamParts;
  readonly #kept = new Map<string, KeptView>();
  readonly #keeping: Keeping | undefined;
  /** What was kept is not here yet. */
  #loading = false;
  /** The status while there is no connection, nor was one. */
  #without: Status = 'connecting';
  #connection: Connection | undefined;
  #welcome: WelcomeFrame | null = null;
  #build: string | undefined;
  #epoch: string | undefined;
  #ids = 0;
  #gathering: Gathering | null = null;
  #pending: readonly PendingWrite[] | null = null;

  readonly on: Emitter<ClientEvents>['on'] = (event, handler) => this.#events.on(event, handler);

  constructor(parts: CoreParts, options: CoreOptions) {
    const { clock = systemClock, random = Math.random, name = clientName(), linger = 3_000, snapshot } = options;
    this.#parts = parts;
    this.#options = options;
    this.#clock = clock;
    this.#name = name;
    const soon = (work: () => void): void => void (options.clock ? clock.after(0, work) : queueMicrotask(work));
    const send = (text: string): void => this.#connection?.send(text);
    for (const view of snapshot?.views ?? []) this.#kept.set(nameOf(view.stream, view.params), view);
    this.#queue = new Queue({
      now: () => clock.now(),
      send,
      settled: (pending) => this.#settled(pending),
      keyed: (row, key) => this.#overlay?.rekey(this.#queue.shown, row, key),
      changed: () => this.#tellPending(),
      keep: (pending) => this.#keeping?.keep(pending),
      drop: (pending) => this.#keeping?.drop(pending),
    });
    this.#subscriptions = new Subscriptions({
      clock,
      linger,
      soon,
      subscribe: ({ stream, params, token, position }) => {
        const id = ++this.#ids;
        const text = JSON.stringify({ type: 'subscribe', id, stream, params, ...(token !== undefined && { at: position, token }) });
        if (this.#fits(text)) send(text);
        else soon(() => this.#subscriptions.refused(id, this.#tooLarge()));
        return id;
      },
      unsubscribe: (view) => this.#say({ type: 'unsubscribe', view }),
      complain: (complaint) => this.#events.emit('error', complaint),
      known: (view) => this.#kept.has(view),
      begin: (view) => {
        const kept = this.#kept.get(view.name);
        if (kept) view.restore(kept);
        this.#overlay?.join(view, this.#queue.shown);
      },
      reached: (position) => {
        this.#queue.reached(position);
        this.#keeping?.touch();
      },
    });
    this.#overlay = parts.overlay && new parts.overlay(this.#subscriptions, random);
    this.#streams = {
      subscriptions: this.#subscriptions,
      keyOf: (stream, pk) => this.#queue.keyOf({ stream, pk }),
      write: (body, place) => this.#write(body, place),
      follow: (body, place, run) => this.#follow(body, place, run),
      send: (stream, payload) => this.#send(stream, payload),
    };
    this.#keeping = parts.keeping?.(name, clock);
    if (this.#keeping) void this.#load(this.#keeping);
    else if (!snapshot) this.#connect();
  }

  get status(): Status {
    return this.#connection?.status ?? this.#without;
  }

  get pending(): readonly PendingWrite[] {
    return (this.#pending ??= this.#queue.waiting.map((each) => each.public));
  }

  stream(name: string, params?: object): Stream {
    this.#connect();
    return new Stream(name, params, this.#streams);
  }

  peek(name: string, params?: object): { readonly current: Current<Row>; row(pk: Pk): Row | undefined } {
    return Stream.peek(name, params, this.#subscriptions);
  }

  batch(work: () => void): Promise<BatchAnswer> {
    return this.#gathered(work, ({ writes, places }) => this.#ask({ type: 'batch', writes }, places)) as Promise<BatchAnswer>;
  }

  call(stream: string, input: unknown, { optimistic = () => undefined }: { optimistic?: () => void } = {}): Promise<CallAnswer> {
    return this.#gathered(optimistic, ({ writes, places }) => {
      const laid = this.#laid(writes, places);
      return this.#push({ type: 'call', stream, input: toWire(input) ?? null }, laid);
    }) as Promise<CallAnswer>;
  }

  async snapshot(names: readonly (string | readonly [name: string, params?: object])[]): Promise<Kept> {
    const handles = names.map((each) => (typeof each === 'string' ? this.stream(each) : this.stream(...each)));
    try {
      const views = await Promise.all(handles.map((handle) => handle.kept()));
      return { user: this.#welcome?.user ?? null, views: views.flat() };
    } finally {
      for (const handle of handles) handle.close();
      if (this.#options.brief && !this.#subscriptions.watched) this.close();
    }
  }

  reconnect(): void {
    if (this.#connection) return this.#connection.happen('reconnect');
    if (this.#without === 'signed-out') this.#without = 'connecting';
    this.#connect();
  }

  async signOut(): Promise<void> {
    this.#leave('signOut', 'signed-out');
    await this.#forget();
  }

  close(): void {
    this.#keeping?.close();
    this.#leave('close', 'closed');
  }

  #leave(happening: 'signOut' | 'close', status: Status): void {
    if (this.#connection) return this.#connection.happen(happening);
    if (this.#without === 'closed') return;
    this.#without = status;
    this.#moved(status);
  }

  async #forget(): Promise<void> {
    this.#queue.end(refusal('closed', 'signed out before the answer came: it may have been applied or not'));
    this.#kept.clear();
    this.#subscriptions.forget();
    await this.#keeping?.wipe();
  }

  /** What was kept is here before anything is asked: what is asked goes on from it. */
  async #load(keeping: Keeping): Promise<void> {
    this.#loading = true;
    const { views, writes } = await keeping.load(
      () => this.#subscriptions.everyone(),
      (error) => this.#events.emit('error', { code: 'internal', message: `nothing is kept: ${String(error)}` }),
    );
    this.#loading = false;
    for (const view of views) if (!this.#kept.has(nameOf(view.stream, view.params))) this.#kept.set(nameOf(view.stream, view.params), view);
    this.#queue.adopt(writes);
    this.#subscriptions.restore();
    for (const each of writes) if (isDoubtful(each, this.#clock.now())) this.#queue.refuse(each, refusal('closed', DOUBTFUL));
    this.#connect();
  }

  /** By the server's word it is somebody else's. */
  async #check(keeping: Keeping, welcome: WelcomeFrame): Promise<void> {
    if (await keeping.isOf(welcome.user)) return this.#opened(welcome);
    this.#events.emit('error', { code: 'forbidden', message: 'what was kept is of somebody else: it is forgotten' });
    await this.#forget();
    this.#opened(welcome);
  }

  #connect(): void {
    if (this.#loading || this.#without !== 'connecting') return;
    const { delay = (attempt) => fullJitter(attempt, this.#options.random) } = this.#options;
    this.#connection ??= new Connection({
      clock: this.#clock,
      socket: this.#parts.socket,
      token: this.#options.token,
      delay,
      hello: JSON.stringify({ type: 'hello', client: this.#name }),
      frame: (frame) => this.#hear(frame),
      status: (status) => this.#moved(status),
    });
  }

  #moved(status: Status): void {
    if (status !== 'open') {
      // First: what was done is in the rows that come next, not in those that are here.
      this.#subscriptions.lost(status);
      this.#queue.lost();
    }
    this.#subscriptions.moved(status);
    if (status === 'failed' || status === 'closed') this.#queue.end(refusal('closed', CLOSED));
    this.#events.emit('status', status);
    // Each of those who were told may have closed or reconnected.
    const welcome = this.#welcome;
    if (this.status !== 'open' || !welcome) return;
    if (this.#keeping) void this.#check(this.#keeping, welcome);
    else this.#opened(welcome);
  }

  #opened(welcome: WelcomeFrame): void {
    // While it was looked at whose things are kept, there may have come another connection.
    if (this.status === 'open' && this.#welcome === welcome) this.#queue.opened(() => this.#subscriptions.opened(welcome));
  }

  #hear(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        return this.#welcomed(frame);
      case 'commit':
        return this.#subscriptions.commit(frame);
      case 'result':
        return this.#queue.result(frame);
      case 'seen':
        return this.#queue.seen(frame.id, frame.client, frame.position);
      case 'subscribed':
        return this.#subscriptions.subscribed(frame.id, frame.view);
      case 'rows':
        return this.#subscriptions.at(frame.view)?.added(frame);
      case 'ready':
        return this.#subscriptions.at(frame.view)?.ready(frame);
      case 'reset':
        return this.#subscriptions.reset(frame);
      case 'dropped':
        return this.#subscriptions.dropped(frame);
      case 'ping':
        this.#subscriptions.ping(frame);
        if (frame.mark !== undefined) this.#say({ type: 'at', mark: frame.mark });
        return;
      case 'expiring':
        return void this.#refresh();
      case 'message':
        if (frame.stream === null) this.#events.emit('message', frame.payload);
        else this.#subscriptions.message(frame.stream, frame.payload);
        return;
      case 'error': {
        const { id = 0, code, message } = frame;
        const complaint = { code, message };
        if (!this.#subscriptions.refused(id, complaint)) this.#events.emit('error', complaint);
        return;
      }
      case 'going':
      case 'refreshed':
        return;
      default:
        // A frame of a later server: nothing to a client that does not know it.
        frame satisfies never;
    }
  }

  #welcomed(welcome: WelcomeFrame): void {
    this.#subscriptions.learn(welcome);
    this.#welcome = welcome;
    const { build, epoch } = welcome;
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.#queue.restart();
    this.#epoch = epoch;
    const from = (this.#build ??= build);
    if (from !== build) {
      this.#build = build;
      this.#events.emit('outdated', { from, to: build });
    }
  }

  async #refresh(): Promise<void> {
    const welcome = this.#welcome;
    try {
      const token = await this.#options.token?.();
      // Another connection came with credentials of its own.
      if (!token || this.status !== 'open' || this.#welcome !== welcome) return;
      this.#say({ type: 'refresh', id: ++this.#ids, token });
    } catch (error) {
      this.#events.emit('error', { code: 'forbidden', message: `there is no newer token: ${String(error)}` });
    }
  }

  /** What `work` writes is gathered, and asked as one. */
  #gathered(work: () => void, ask: (gathering: Gathering) => Promise<Outcome>): Promise<Outcome> {
    let resolve: (outcome: Promise<Outcome>) => void = () => undefined;
    const all = new Promise<Outcome>((settle) => (resolve = settle));
    const outer = this.#gathering;
    const gathering: Gathering = { writes: [], places: [], all };
    this.#gathering = gathering;
    try {
      work();
    } finally {
      this.#gathering = outer;
    }
    resolve(ask(gathering));
    return all;
  }

  async #write(body: WriteBody, place: Place): Promise<Outcome> {
    if (!this.#gathering) return this.#update(body, place) ?? this.#ask({ type: 'write', write: body }, [place]);
    const { writes, places, all } = this.#gathering;
    const at = writes.push(body) - 1;
    places.push(place);
    const outcome = await all;
    return 'pks' in outcome ? { ok: true, pk: outcome.pks[at] ?? null } : outcome;
  }

  /** One more of the same row within a moment, or the first; null: updates are not gathered, or this is none. */
  #update(body: WriteBody, place: Place): Promise<Outcome> | null {
    const { coalesce = 0 } = this.#options;
    if (coalesce === 0 || body.action !== 'update' || body.if) return null;
    const held = this.#queue.held({ stream: body.stream, pk: body.pk as Key });
    const [laid] = this.#laid([body], [place]);
    if (held) {
      held.add(body.data ?? {}, laid);
      if (laid) this.#overlay?.show({ laid: [laid] });
      return held.done;
    }
    return this.#ask({ type: 'write', write: body }, [place], (pending) => {
      pending.held = this.#clock.after(coalesce, () => this.#queue.release(pending));
    });
  }

  #ask(says: NonNullable<Says>, places: readonly Place[], before?: (pending: Pending) => void): Promise<Outcome> {
    const writes = says.type === 'batch' ? says.writes : says.type === 'write' ? [says.write] : [];
    if (says.type === 'batch' && writes.length === 0) return Promise.resolve({ ok: true, pks: [] });
    return this.#push(says, this.#laid(writes, places), before);
  }

  async #push(says: NonNullable<Says>, laid: readonly Laid[], before?: (pending: Pending) => void): Promise<Outcome> {
    this.#connect();
    const { status } = this;
    if (status === 'failed' || status === 'closed') return refusal('closed', `not sent: the client is ${status}`);
    if (this.#queue.full) return refusal('rate_limited', 'too many writes have no answer yet: wait for some of them');
    const pending = new Pending(++this.#ids, says, { laid, made: this.#clock.now() });
    if (!this.#fits(pending.text)) return { ok: false, ...this.#tooLarge() };
    before?.(pending);
    this.#overlay?.show(pending);
    this.#queue.push(pending);
    return pending.done;
  }

  async #follow<R>(body: WriteBody, place: Place, run: (receipt: string) => Promise<R>): Promise<R> {
    this.#connect();
    const pending = new Pending(++this.#ids, null, { laid: this.#laid([body], [place]), made: this.#clock.now() });
    this.#overlay?.show(pending);
    this.#queue.follow(pending);
    try {
      const result = await run(`${this.#name}.${pending.id}`);
      pending.outcome = { ok: true, pk: null };
      this.#clock.after(RECEIPT, () => pending.position === null && this.#queue.settle(pending, ''));
      return result;
    } catch (error) {
      this.#queue.forget(pending);
      this.#overlay?.hide(pending);
      throw error;
    }
  }

  #laid(writes: readonly WriteBody[], places: readonly Place[]): readonly Laid[] {
    return writes.flatMap((write, at) => this.#overlay?.laid(write, places[at] as Place, at) ?? []);
  }

  #settled(pending: Pending): void {
    const { outcome, position } = pending;
    if (outcome && !outcome.ok) {
      this.#overlay?.hide(pending);
      this.#events.emit('refused', { write: pending.public, answer: outcome });
    } else if (position !== null) this.#overlay?.settle(pending, position);
  }

  #tellPending(): void {
    this.#pending = null;
    if (this.#events.hears('pending')) this.#events.emit('pending', this.pending);
  }

  #send(stream: string, payload: unknown): void {
    const text = JSON.stringify({ type: 'message', stream, payload: toWire(payload) ?? null });
    if (!this.#fits(text)) this.#events.emit('error', { ...this.#tooLarge(), stream });
    else if (!this.#queue.say(text))
      this.#events.emit('error', { code: 'rate_limited', message: 'too many messages wait already', stream });
  }

  #say(frame: ClientFrame): void {
    this.#connection?.send(JSON.stringify(frame));
  }

  #fits(text: string): boolean {
    const { frameBytes = 65_536 } = this.#options;
    return text.length * 3 <= frameBytes || new TextEncoder().encode(text).length <= frameBytes;
  }

  /** Said here, because the server would close the connection over it, and again when it is sent again. */
  #tooLarge(): Complaint {
    return { code: 'too_large', message: `a frame holds at most ${this.#options.frameBytes ?? 65_536} bytes` };
  }
}

/** 128 bits, so that nobody comes by the name of another client by chance. */
function clientName(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
