import { toWire, type Action, type Data, type Key, type Params } from '../protocol/index.ts';
import type { Link } from './link.ts';
import { refusal } from './pending.ts';
import { pkOf, type Row } from './rows.ts';
import { Ear, type Subscription } from './subscription.ts';
import type { Answer, CreateOptions, Current, Pk, Progress, Refusal, StreamStatus, WriteOptions } from './types.ts';
import type { Made } from './writes.ts';

/** What is shown. The rows are gathered for those who look at `current`. */
export interface Look extends Pick<Current<Row>, 'status' | 'progress'> {
  readonly current: Current<Row>;
}

/** What it means to look at several views with one handle. */
export interface Together {
  /** What they show. */
  look(views: readonly Subscription[]): Look;
  /** In which of them a row is made, and what is then to be said of it. */
  home(views: readonly Subscription[], data: Data): Home | Refusal;
}

export interface Home {
  readonly view: Subscription;
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

  /** Undefined: a list of nothing has no view. */
  get #first(): Subscription | undefined {
    return this.#asked[0]?.root;
  }

  get #look(): Look {
    return this.#together?.look(this.views) ?? (this.#first as Subscription);
  }

  get current(): Current<Row> {
    return this.#look.current;
  }

  get rows(): readonly Row[] {
    return this.current.rows;
  }

  get status(): StreamStatus {
    return this.#look.status;
  }

  get progress(): Progress {
    return this.#look.progress;
  }

  get writable(): readonly string[] {
    return this.#first?.info?.writable ?? [];
  }

  row(pk: Pk): Row | undefined {
    const key = this.#keyOf(pk);
    return this.#viewOf(key)?.rows.at(key)?.row;
  }

  pk(row: object): Key {
    return pkOf(row);
  }

  create(data: object, options?: CreateOptions): Promise<Answer> {
    return this.#write('create', null, data, options);
  }

  update(pk: Pk, data: object, options?: WriteOptions<Row>): Promise<Answer> {
    return this.#write('update', pk, data, options);
  }

  delete(pk: Pk, options?: WriteOptions<Row>): Promise<Answer> {
    return this.#write('delete', pk, null, options);
  }

  async optimistic<R>(pk: Pk | null, data: object | null, run: (receipt: string) => Promise<R>): Promise<R> {
    const made = this.#made([pk === null ? 'create' : data ? 'update' : 'delete', pk, data]);
    if ('ok' in made) throw new TypeError(made.message);
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
  #viewOf(pk: Key): Subscription | undefined {
    return this.views.find(({ rows }) => rows.at(pk)) ?? this.#first;
  }

  #write(...asked: Asked): Promise<Answer> {
    return this.#link.writes.write(this.#made(asked)) as Promise<Answer>;
  }

  #made([action, pk, given, { ifMatch, pk: as } = {}]: Asked): Made | Refusal {
    try {
      const key = action === 'create' ? undefined : this.#keyOf(pk as Pk);
      const said = toWire(given ?? undefined) as Data | undefined;
      const home = key === undefined ? this.#home(said ?? {}) : { view: this.#viewOf(key), data: said };
      if ('ok' in home) return home;
      const { view, data } = home;
      if (!view) return refusal('not_found', 'no such row here: the list is empty');
      let match = toWire(ifMatch) as Data | true | undefined;
      if (match === true) {
        const told = view.rows.told(key as Key);
        if (!told) return refusal('not_found', 'no such row here yet: nothing to match');
        match = data ? Object.fromEntries(Object.entries(told).filter(([name]) => name in data)) : told;
      }
      return { view, as: toWire(as), body: { stream: this.#name, action, pk: key, data, params: view.params, if: match } };
    } catch (error) {
      return refusal('invalid', `a value cannot be sent: ${String(error)}`);
    }
  }

  #home(data: Data): Home | Refusal {
    return this.#together?.home(this.views, data) ?? { view: this.#first as Subscription, data };
  }
}

type Asked = [action: Action, pk: Pk | null, given: object | null, options?: CreateOptions & WriteOptions<Row>];
