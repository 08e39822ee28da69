import { toWire, type Data, type Json, type Key, type Params, type WriteBody } from '../protocol/index.ts';
import type { KeptView } from './kept.ts';
import { pkOf, type Row } from './rows.ts';
import { Ear, type Subscription } from './subscription.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Place } from './overlay.ts';
import { refusal, type Outcome } from './queue.ts';
import type { Answer, CreateOptions, Current, Pk, Progress, Refusal, StreamStatus, WriteOptions } from './types.ts';

export interface StreamParts {
  readonly subscriptions: Subscriptions;
  /** As the server knows the row by now. */
  keyOf(stream: string, pk: Key): Key;
  write(body: WriteBody, place: Place): Promise<Outcome>;
  /** Shows it until its receipt is here. */
  follow<R>(body: WriteBody, place: Place, run: (receipt: string) => Promise<R>): Promise<R>;
  send(stream: string, payload: unknown): void;
}

/** What some views show together. */
class Look {
  readonly #asked: readonly Subscription[];

  constructor(asked: readonly Subscription[]) {
    this.#asked = asked;
  }

  get views(): readonly Subscription[] {
    return this.#asked.map(({ root }) => root);
  }

  get current(): Current<Row> {
    const [first, ...others] = this.views.map(({ current }) => current) as [Current<Row>, ...Current<Row>[]];
    return others.length === 0 ? first : gathered([first, ...others]);
  }

  /** As `current` has it, without its rows: these are gathered for those who look at them. */
  get state(): Pick<Current<Row>, 'status' | 'progress'> {
    const { views } = this;
    return views.length === 1 ? (views[0] as Subscription) : together(views);
  }

  /** The view that has the row, or the first; and the row, where there is one. */
  find(pk: Key): readonly [view: Subscription, row: Row | undefined] {
    const { views } = this;
    const view = views.find(({ rows }) => rows.at(pk)) ?? (views[0] as Subscription);
    return [view, view.rows.at(pk)?.row];
  }
}

const IDLE: Current<Row> = { rows: [], status: 'idle', progress: { count: 0, total: null } };

/** One handle. It has the methods of a BindingStream and of a ConsumerStream: which of them it is, the endpoint's type says. */
export class Stream {
  readonly #name: string;
  readonly #parts: StreamParts;
  readonly #ear = new Ear();
  /** Of several views: the params were lists. */
  readonly #look: Look;

  readonly on: Ear['on'] = (event, handler) => this.#ear.on(event, handler);

  constructor(name: string, params: object | undefined, parts: StreamParts) {
    this.#name = name;
    this.#parts = parts;
    this.#look = new Look(spread(params).map((each) => parts.subscriptions.join(name, each, this.#ear)));
  }

  /** Looks, and asks for nothing. */
  static peek(
    name: string,
    params: object | undefined,
    subscriptions: Subscriptions,
  ): { readonly current: Current<Row>; row(pk: Pk): Row | undefined } {
    const views = spread(params).flatMap((each) => subscriptions.find(name, each) ?? []);
    if (views.length < spread(params).length) return { current: IDLE, row: () => undefined };
    const look = new Look(views);
    return {
      get current() {
        return look.current;
      },
      row: (pk) => look.find(toWire(pk) as Key)[1],
    };
  }

  get current(): Current<Row> {
    return this.#look.current;
  }

  get rows(): readonly Row[] {
    return this.current.rows;
  }

  get status(): StreamStatus {
    return this.#look.state.status;
  }

  get progress(): Progress {
    return this.#look.state.progress;
  }

  get writable(): readonly string[] {
    return this.#look.views[0]?.writable ?? [];
  }

  row(pk: Pk): Row | undefined {
    return this.#look.find(this.#keyOf(pk))[1];
  }

  pk(row: object): Key {
    return pkOf(row);
  }

  create(data: object, { pk }: CreateOptions = {}): Promise<Answer> {
    return this.#write(() => this.#creating(data), pk);
  }

  update(pk: Pk, data: object, { ifMatch }: WriteOptions<Row> = {}): Promise<Answer> {
    return this.#write(() => this.#about('update', pk, { data: toWire(data) as Data, ifMatch }));
  }

  delete(pk: Pk, { ifMatch }: WriteOptions<Row> = {}): Promise<Answer> {
    return this.#write(() => this.#about('delete', pk, { ifMatch }));
  }

  async optimistic<R>(pk: Pk | null, data: object | null, run: (receipt: string) => Promise<R>): Promise<R> {
    const wired = data && (toWire(data) as Data);
    const body =
      pk === null ? this.#creating(data ?? {}) : wired ? this.#about('update', pk, { data: wired }) : this.#about('delete', pk, {});
    if ('ok' in body) throw new TypeError(body.message);
    return this.#parts.follow(body, { view: this.#viewOf(body) }, run);
  }

  /** Its views, once all of them are there. Rejects when one of them is not to be had. */
  kept(): Promise<readonly KeptView[]> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const views = this.#look.views.flatMap(({ state, kept }) => (state === 'live' && kept ? [kept] : []));
        if (views.length === this.#look.views.length) resolve(views);
      };
      this.on('current', look);
      this.on('error', ({ message }) => reject(new Error(`"${this.#name}" is not to be had: ${message}`)));
      look();
    });
  }

  send(payload: unknown): void {
    this.#parts.send(this.#name, payload);
  }

  close(): void {
    for (const view of this.#look.views) this.#parts.subscriptions.leave(view, this.#ear);
  }

  #keyOf(pk: Pk): Key {
    return this.#parts.keyOf(this.#name, toWire(pk) as Key);
  }

  async #write(say: () => WriteBody | Refusal, as?: Pk): Promise<Answer> {
    let body: WriteBody | Refusal;
    try {
      body = say();
    } catch (error) {
      return refusal('invalid', `a value cannot be sent: ${String(error)}`);
    }
    if ('ok' in body) return body;
    return this.#parts.write(body, { view: this.#viewOf(body), as: toWire(as) }) as Promise<Answer>;
  }

  #viewOf({ pk, params }: WriteBody): Subscription {
    if (pk !== undefined) return this.#look.find(pk)[0];
    const { views } = this.#look;
    return views.find((view) => JSON.stringify(view.params) === JSON.stringify(params)) ?? (views[0] as Subscription);
  }

  #creating(given: object): WriteBody | Refusal {
    const data = { ...(toWire(given) as Data) };
    const { views } = this.#look;
    let { params } = views[0] as Subscription;
    if (views.length > 1) {
      // Which of the views it is made in, its own fields say.
      params = Object.fromEntries(Object.keys(params ?? {}).map((name) => [name, data[name] as Json]));
      if (Object.values(params).includes(undefined as unknown as Json)) {
        return {
          ...refusal('invalid', 'which of the params is it for?'),
          fields: { params: `name ${Object.keys(params).join(', ')} in the data` },
        };
      }
      for (const name of Object.keys(params)) delete (data as Record<string, Json>)[name];
    }
    return { stream: this.#name, action: 'create', data, ...(params && { params }) };
  }

  #about(
    action: 'update' | 'delete',
    given: Pk,
    { data, ifMatch }: { readonly data?: Data; readonly ifMatch?: WriteOptions<Row>['ifMatch'] | undefined },
  ): WriteBody | Refusal {
    const pk = this.#keyOf(given);
    const [{ params, rows }] = this.#look.find(pk);
    let match: Data | undefined;
    if (ifMatch === true) {
      const told = rows.told(pk);
      if (!told) return refusal('conflict', 'the server has told no such row: there is nothing that it could match');
      match = data ? Object.fromEntries(Object.keys(data).flatMap((name) => (name in told ? [[name, told[name] as Json]] : []))) : told;
    } else if (ifMatch) match = toWire(ifMatch) as Data;
    return { stream: this.#name, action, pk, ...(data && { data }), ...(params && { params }), ...(match && { if: match }) };
  }
}

/** One for each combination of what lists hold. */
function spread(given: object | undefined): readonly (Params | undefined)[] {
  let all: Params[] = [{}];
  for (const [name, value] of Object.entries((given && (toWire(given) as Params)) ?? {})) {
    const values = Array.isArray(value) ? [...new Set(value as readonly Json[])] : [value];
    all = all.flatMap((each) => values.map((one) => ({ ...each, [name]: one })));
  }
  return given ? all : [undefined];
}

/** From the worst on. */
const STATUSES: readonly StreamStatus[] = ['failed', 'signed-out', 'offline', 'stale', 'syncing', 'idle', 'live'];

/** Those of which the first was this one. The same parts give the same object, whoever looks. */
const GATHERED = new WeakMap<Current<Row>, (readonly [of: readonly Current<Row>[], together: Current<Row>])[]>();

function gathered(currents: readonly [Current<Row>, ...Current<Row>[]]): Current<Row> {
  const known = GATHERED.get(currents[0]) ?? [];
  const same = known.find(([of]) => of.length === currents.length && of.every((each, at) => each === currents[at]));
  if (same) return same[1];
  const all: Current<Row> = {
    rows: currents.flatMap(({ rows }) => rows),
    ...together(currents),
  };
  GATHERED.set(currents[0], [...known, [currents, all]]);
  return all;
}

function together(currents: readonly Pick<Current<Row>, 'status' | 'progress'>[]): Pick<Current<Row>, 'status' | 'progress'> {
  return {
    status: STATUSES.find((status) => currents.some((each) => each.status === status)) ?? 'live',
    progress: {
      count: currents.reduce((sum, { progress }) => sum + progress.count, 0),
      total: currents.reduce<number | null>((sum, { progress: { total } }) => (sum === null || total === null ? null : sum + total), 0),
    },
  };
}
