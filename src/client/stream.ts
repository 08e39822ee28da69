import { toWire, type Action, type Data, type Key, type Params } from '../protocol/index.ts';
import type { Link } from './link.ts';
import { refusal } from './pending.ts';
import { pkOf, type Row } from './rows.ts';
import { Ear, type Subscription } from './subscription.ts';
import type { Answer, CreateOptions, Current, Pk, Progress, Refusal, StreamStatus, WriteOptions } from './types.ts';
import type { Made } from './writes.ts';

/** What is shown beside the rows: these are gathered for those who look at them. */
export type State = Pick<Current<Row>, 'status' | 'progress'>;

/** What it means to look at several views with one handle. */
export interface Together {
  /** What they show. */
  current(all: readonly Current<Row>[]): Current<Row>;
  state(all: readonly State[]): State;
  /** In which of them a row is made. */
  home(views: readonly Subscription[], data: Data): Home | Refusal;
}

/** Where a row is made, and what is then to be said of it. */
export interface Home {
  readonly view: Subscription;
  readonly params: Params | undefined;
  readonly data: Data;
}

export interface StreamParts {
  readonly link: Link;
  /** One for each view. */
  readonly params: readonly (Params | undefined)[];
  /** Left out: there is one view. */
  readonly together?: Together;
}

/** One handle. It has the methods of a BindingStream and of a ConsumerStream: which of them it is, the endpoint's type says. */
export class Stream {
  readonly #name: string;
  readonly #link: Link;
  readonly #together: Together | undefined;
  readonly #ear = new Ear();
  readonly #asked: readonly Subscription[];

  readonly on: Ear['on'] = (event, handler) => this.#ear.on(event, handler);

  /** @param looks asks for nothing */
  constructor(name: string, { link, params, together }: StreamParts, looks = false) {
    const { subscriptions } = link;
    this.#name = name;
    this.#link = link;
    this.#together = together;
    this.#asked = params.map((each) => (looks ? subscriptions.hold(name, each) : subscriptions.join(name, each, this.#ear)));
  }

  /** What it looks at. */
  get views(): readonly Subscription[] {
    return this.#asked.map(({ root }) => root);
  }

  get #first(): Subscription {
    return (this.#asked[0] as Subscription).root;
  }

  get current(): Current<Row> {
    return this.#together ? this.#together.current(this.views.map(({ current }) => current)) : this.#first.current;
  }

  get #state(): State {
    return this.#together?.state(this.views) ?? this.#first;
  }

  get rows(): readonly Row[] {
    return this.current.rows;
  }

  get status(): StreamStatus {
    return this.#state.status;
  }

  get progress(): Progress {
    return this.#state.progress;
  }

  get writable(): readonly string[] {
    return this.#first.info?.writable ?? [];
  }

  row(pk: Pk): Row | undefined {
    const key = this.#keyOf(pk);
    return this.#viewOf(key).rows.at(key)?.row;
  }

  pk(row: object): Key {
    return pkOf(row);
  }

  create(data: object, options: CreateOptions = {}): Promise<Answer> {
    return this.#write(this.#made('create', null, data, options));
  }

  update(pk: Pk, data: object, options: WriteOptions<Row> = {}): Promise<Answer> {
    return this.#write(this.#made('update', pk, data, options));
  }

  delete(pk: Pk, options: WriteOptions<Row> = {}): Promise<Answer> {
    return this.#write(this.#made('delete', pk, null, options));
  }

  async optimistic<R>(pk: Pk | null, data: object | null, run: (receipt: string) => Promise<R>): Promise<R> {
    const made = this.#made(pk === null ? 'create' : data ? 'update' : 'delete', pk, data);
    if (isRefused(made)) throw new TypeError(made.message);
    return this.#link.writes.follow(made, run);
  }

  send(payload: unknown): void {
    this.#link.writes.send(this.#name, payload);
  }

  close(): void {
    for (const view of this.views) this.#link.subscriptions.leave(view, this.#ear);
  }

  #keyOf(pk: Pk): Key {
    return this.#link.writes.keyOf(this.#name, toWire(pk) as Key);
  }

  /** The one that has the row, or the first. */
  #viewOf(pk: Key): Subscription {
    return this.views.find(({ rows }) => rows.at(pk)) ?? this.#first;
  }

  async #write(made: Made | Refusal): Promise<Answer> {
    const { writes } = this.#link;
    return (isRefused(made) ? writes.refused(made) : writes.write(made)) as Promise<Answer>;
  }

  #made(action: Action, pk: Pk | null, given: object | null, options: CreateOptions & WriteOptions<Row> = {}): Made | Refusal {
    try {
      const data = given ? (toWire(given) as Data) : undefined;
      return pk === null ? this.#creating(data ?? {}, options) : this.#about(action, this.#keyOf(pk), data, options);
    } catch (error) {
      return refusal('invalid', `a value cannot be sent: ${String(error)}`);
    }
  }

  #creating(given: Data, { pk }: CreateOptions): Made | Refusal {
    const view = this.#first;
    const home = this.#together?.home(this.views, given) ?? { view, params: view.params, data: given };
    if (isRefused(home)) return home;
    const { data, params } = home;
    return { view: home.view, as: toWire(pk), body: { stream: this.#name, action: 'create', data, params } };
  }

  #about(action: Action, pk: Key, data: Data | undefined, { ifMatch }: WriteOptions<Row>): Made | Refusal {
    const view = this.#viewOf(pk);
    let match = ifMatch && (toWire(ifMatch) as Data);
    if (ifMatch === true) {
      const told = view.rows.told(pk);
      if (!told) return refusal('not_found', 'this client has no such row yet: nothing to match');
      match = data ? Object.fromEntries(Object.entries(told).filter(([name]) => name in data)) : told;
    }
    return { view, body: { stream: this.#name, action, pk, data, params: view.params, if: match } };
  }
}

function isRefused(made: object): made is Refusal {
  return 'ok' in made;
}
