import type { ClientFrame, RowsFrame, ServerFrame, WireChange } from '../../src/protocol/index.ts';
import { at } from './held-client.ts';

/** The rows of one view, by key: what a database would give. */
export type Model = ReadonlyMap<number, number>;
type Rows = RowsFrame['rows'];

interface Held {
  readonly name: string;
  state: 'loading' | 'live';
  /** Those that are still to be sent, and the state they are of. */
  pages: Rows[];
  of: Model;
  sent: number;
}

const data = (value: number) => ({ name: String(value), value });

/**
 * A server that does what the wire allows, in the order a test says: views that load page by page, commits of several views, in parts, told
 * one by one or merged, resets, views taken away, connections that end. What it says waits until it is delivered.
 */
export class LawfulServer {
  /** Every state of every view, by position. */
  readonly #history: ReadonlyMap<string, Model>[] = [new Map()];
  #held = new Map<number, Held>();
  #numbers = 0;
  /** Said, and not heard yet. With each frame: the views that are then as of a position. */
  #said: { readonly frame: ServerFrame; readonly shows: ReadonlyMap<string, Model> }[] = [];
  /** What the client must show of each view that it has been told of. */
  readonly shows = new Map<string, Model>();
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  get position(): number {
    return this.#history.length - 1;
  }

  /** Another connection: views get other numbers, and what was not heard is lost. */
  connect(): void {
    this.#held.clear();
    this.#said = [];
    this.#numbers += 100;
  }

  hear(frame: ClientFrame): void {
    if (frame.type === 'unsubscribe') this.#held.delete(frame.view);
    if (frame.type !== 'subscribe') return;
    const name = String(frame.params?.['blogId']);
    const view = this.#numbers + this.#names.indexOf(name) + 1;
    this.#say({ type: 'subscribed', id: frame.id, view });
    if (frame.at === undefined) return this.#load(view, name);
    // Every third token is one that is not gone on from.
    const since = Number.parseInt(frame.at, 16);
    if (frame.token !== `of ${name}`) throw new Error(`${name} came with the token ${frame.token}`);
    if ((since + this.position) % 3 === 0) {
      this.#say({ type: 'reset', position: at(this.position), views: [view], reason: 'retention' });
      return this.#load(view, name);
    }
    this.#held.set(view, { name, state: 'live', pages: [], of: new Map(), sent: 0 });
    const oneByOne = this.position % 2 === 0;
    for (let n = oneByOne ? since + 1 : this.position; n <= this.position && n > since; n++) {
      const changes = this.#between([view], oneByOne ? n - 1 : since, n);
      if (changes.length > 0)
        this.#commit(n, changes, { views: [view], ...(oneByOne ? {} : { merged: true as const }), parts: 1 + (n % 2) });
    }
    this.#ready(view);
  }

  /** Rows change: a value above 4 takes the row out. Told at once to the views that are live. */
  change(changes: readonly (readonly [name: string, key: number, value: number])[], parts: number): void {
    const next = new Map(this.#history[this.position]);
    for (const [name, key, value] of changes) {
      const rows = new Map(next.get(name));
      if (value > 4) rows.delete(key);
      else rows.set(key, value * 1_000 + this.position);
      next.set(name, rows);
    }
    this.#history.push(next);
    const views = [...this.#held].filter(([, { state }]) => state === 'live').map(([view]) => view);
    const told = this.#between(views, this.position - 1, this.position);
    if (told.length > 0) this.#commit(this.position, told, { views, parts });
  }

  /** One step of a view that loads. */
  load(which: number): void {
    const loading = [...this.#held].filter(([, { state }]) => state === 'loading');
    const [view, held] = loading[which % Math.max(1, loading.length)] ?? [];
    if (view === undefined || !held) return;
    const page = held.pages.shift();
    if (page) {
      held.sent += page.length;
      return this.#say({ type: 'rows', view, rows: page, count: held.sent, total: null });
    }
    const now = this.#state(held.name, this.position);
    const changes = difference(view, held.of, now);
    if (changes.length > 0) this.#say({ type: 'commit', position: at(this.position), changes, merged: true });
    held.state = 'live';
    this.#ready(view);
  }

  reset(which: number): void {
    const [view, held] = [...this.#held][which % Math.max(1, this.#held.size)] ?? [];
    if (view === undefined || !held) return;
    this.#say({ type: 'reset', position: at(this.position), views: [view, 7_777], reason: 'bulk' });
    this.#load(view, held.name);
  }

  drop(which: number): void {
    const [view, held] = [...this.#held][which % Math.max(1, this.#held.size)] ?? [];
    if (view === undefined || !held) return;
    this.#held.delete(view);
    this.#say({ type: 'dropped', view, position: at(this.position), code: 'forbidden', message: 'not yours any more' }, [
      [held.name, new Map()],
    ]);
  }

  ping(): void {
    this.#say({ type: 'ping', position: at(this.position) });
  }

  /** Gives the next frame that the client has not heard, and notes what it must show then. */
  deliver(): ServerFrame | undefined {
    const next = this.#said.shift();
    for (const [name, rows] of next?.shows ?? []) this.shows.set(name, rows);
    return next?.frame;
  }

  #load(view: number, name: string): void {
    const of = this.#state(name, this.position);
    const rows: Rows = [...of].map(([key, value]) => [key, data(value)]);
    const pages = rows.length > 1 ? [rows.slice(0, 1), rows.slice(1)] : rows.length > 0 ? [rows] : [];
    this.#held.set(view, { name, state: 'loading', pages, of, sent: 0 });
  }

  #ready(view: number): void {
    const { name } = this.#held.get(view) as Held;
    const shows = [[name, this.#state(name, this.position)]] as const;
    this.#say({ type: 'ready', view, position: at(this.position), token: `of ${name}` }, shows);
  }

  #commit(n: number, changes: readonly WireChange[], about: { views: readonly number[]; parts: number; merged?: true }): void {
    const { views, parts, merged } = about;
    const size = Math.ceil(changes.length / parts);
    const frame = (part: readonly WireChange[]) => ({ type: 'commit', position: at(n), changes: part, ...(merged && { merged }) }) as const;
    for (let from = 0; from + size < changes.length; from += size) this.#say({ ...frame(changes.slice(from, from + size)), more: true });
    const last = changes.length - (changes.length % size || size);
    const shows = views.map((view) => (this.#held.get(view) as Held).name).map((name) => [name, this.#state(name, n)] as const);
    this.#say(frame(changes.slice(last)), shows);
  }

  #between(views: readonly number[], from: number, to: number): WireChange[] {
    return views.flatMap((view) => {
      const { name } = this.#held.get(view) as Held;
      return difference(view, this.#state(name, from), this.#state(name, to));
    });
  }

  #state(name: string, n: number): Model {
    return this.#history[n]?.get(name) ?? new Map();
  }

  #say(frame: ServerFrame, shows: readonly (readonly [string, Model])[] = []): void {
    this.#said.push({ frame, shows: new Map(shows) });
  }
}

function difference(view: number, from: Model, to: Model): WireChange[] {
  const changes: WireChange[] = [];
  for (const key of from.keys()) if (!to.has(key)) changes.push([view, 'delete', key]);
  for (const [key, value] of to) {
    if (from.get(key) === value) continue;
    changes.push([view, from.has(key) ? 'update' : 'create', key, data(value)]);
  }
  return changes;
}
