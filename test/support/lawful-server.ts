import type { ClientFrame, RowsFrame, ServerFrame, WireChange } from '../../src/protocol/index.ts';
import { at } from './held-client.ts';

/** The rows of one view, by key: what a database would give. */
export type Model = ReadonlyMap<number, number>;
type Rows = RowsFrame['rows'];
type Shows = readonly [of: Pick<Held, 'name' | 'id'>, rows: Model];

interface Held {
  readonly name: string;
  /** Of the `subscribe` it was asked for by. */
  readonly id: number;
  live: boolean;
  /** What is to be said before it is. */
  readonly steps: (() => void)[];
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
  /** Said, and not heard yet. With each frame: what some views are then. */
  #said: { readonly frame: ServerFrame; readonly shows: readonly Shows[] }[] = [];
  /** By which `subscribe` the client has a view, as far as it has heard. */
  readonly #known = new Map<string, number>();
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
    this.#known.clear();
    this.#numbers++;
  }

  hear(frame: ClientFrame): void {
    if (frame.type === 'unsubscribe') {
      const name = this.#nameOf(frame.view);
      this.#held.delete(frame.view);
      this.#known.delete(name);
      this.shows.delete(name);
    }
    if (frame.type !== 'subscribe') return;
    const name = String(frame.params?.['blogId']);
    const view = this.#numberOf(name);
    this.#say({ type: 'subscribed', id: frame.id, view });
    if (frame.at === undefined) return this.#load(view, { name, id: frame.id });
    // Every third token is one that is not gone on from.
    const since = Number.parseInt(frame.at, 16);
    if (frame.token !== `of ${name}`) throw new Error(`${name} came with the token ${frame.token}`);
    if ((since + this.position) % 3 === 0) {
      this.#say({ type: 'reset', position: at(this.position), views: [view], reason: 'retention' });
      return this.#load(view, { name, id: frame.id });
    }
    const steps: (() => void)[] = [];
    this.#held.set(view, { name, id: frame.id, live: false, steps });
    const until = this.position;
    const oneByOne = until % 2 === 0;
    for (let n = oneByOne ? since + 1 : until; n <= until && n > since; n++) {
      const changes = this.#between([view], oneByOne ? n - 1 : since, n);
      const about = { views: [view], parts: 1 + (n % 2), ...(oneByOne ? {} : { merged: true as const }) };
      if (changes.length > 0) steps.push(() => this.#commit(n, changes, about));
    }
    steps.push(() => {
      const changes = this.#between([view], until, this.position);
      if (changes.length > 0) this.#commit(this.position, changes, { views: [view], parts: 1, merged: true });
    });
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
    const views = [...this.#held].filter(([, { live }]) => live).map(([view]) => view);
    const told = this.#between(views, this.position - 1, this.position);
    if (told.length > 0) this.#commit(this.position, told, { views, parts });
  }

  /** One step of a view that loads: some of its rows, or of what it missed; then it is live. */
  load(which: number): void {
    const loading = [...this.#held].filter(([, { live }]) => !live);
    const [view, held] = loading[which % Math.max(1, loading.length)] ?? [];
    if (view === undefined || !held) return;
    held.steps.shift()?.();
    if (held.steps.length > 0) return;
    held.live = true;
    const shows: Shows = [held, this.#state(held.name, this.position)];
    this.#say({ type: 'ready', view, position: at(this.position), token: `of ${held.name}` }, [shows]);
  }

  reset(which: number): void {
    const [view, held] = [...this.#held][which % Math.max(1, this.#held.size)] ?? [];
    if (view === undefined || !held) return;
    this.#say({ type: 'reset', position: at(this.position), views: [view, 7_777], reason: 'bulk' });
    this.#load(view, held);
  }

  drop(which: number): void {
    const [view, held] = [...this.#held][which % Math.max(1, this.#held.size)] ?? [];
    if (view === undefined || !held) return;
    this.#held.delete(view);
    this.#say({ type: 'dropped', view, position: at(this.position), code: 'forbidden', message: 'not yours any more' }, [
      [held, new Map()],
    ]);
  }

  ping(): void {
    this.#say({ type: 'ping', position: at(this.position) });
  }

  /** Gives the next frame that the client has not heard, and notes what it must show then. */
  deliver(): ServerFrame | undefined {
    const next = this.#said.shift();
    if (!next) return undefined;
    const { frame } = next;
    if (frame.type === 'subscribed') this.#known.set(this.#nameOf(frame.view), frame.id);
    for (const [{ name, id }, rows] of next.shows) if (this.#known.get(name) === id) this.shows.set(name, rows);
    return frame;
  }

  /** Another on each connection, and another view's on the next. */
  #numberOf(name: string): number {
    return 1 + ((this.#names.indexOf(name) + this.#numbers) % this.#names.length);
  }

  #nameOf(view: number): string {
    return this.#names.find((name) => this.#numberOf(name) === view) as string;
  }

  #load(view: number, { name, id }: Pick<Held, 'name' | 'id'>): void {
    const of = this.#state(name, this.position);
    const rows: Rows = [...of].map(([key, value]) => [key, data(value)]);
    const steps = rows.map((row, sent) => () => {
      this.#say({ type: 'rows', view, rows: [row], count: sent + 1, total: null });
    });
    steps.push(() => {
      const changes = difference(view, of, this.#state(name, this.position));
      if (changes.length > 0) this.#say({ type: 'commit', position: at(this.position), changes, merged: true });
    });
    this.#held.set(view, { name, id, live: false, steps });
  }

  #commit(n: number, changes: readonly WireChange[], about: { views: readonly number[]; parts: number; merged?: true }): void {
    const { views, parts, merged } = about;
    const size = Math.ceil(changes.length / parts);
    const frame = (part: readonly WireChange[]) => ({ type: 'commit', position: at(n), changes: part, ...(merged && { merged }) }) as const;
    for (let from = 0; from + size < changes.length; from += size) this.#say({ ...frame(changes.slice(from, from + size)), more: true });
    const last = changes.length - (changes.length % size || size);
    const shows = views.map((view) => this.#held.get(view) as Held).map((held): Shows => [held, this.#state(held.name, n)]);
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

  #say(frame: ServerFrame, shows: readonly Shows[] = []): void {
    this.#said.push({ frame, shows });
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
