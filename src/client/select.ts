import type { Key } from '../protocol/index.ts';
import { Emitter } from './emitter.ts';
import { comparing, compareKeys, type Compare, type OrderBy } from './order.ts';
import { keyOf } from './rows.ts';
import type { Change, Current, StreamEvents } from './types.ts';

export type { OrderBy } from './order.ts';

/** Which rows, and in which order. */
export interface SelectOptions<D> {
  /** Left out: all. It looks at its row alone, and says the same of it every time. */
  readonly where?: (row: D) => boolean;
  /** Those that are equal stand by their keys; left out: all do. */
  readonly orderBy?: OrderBy<D>;
  /** The first so many of them. Default: all. */
  readonly limit?: number;
}

/** Some rows of a handle, in an order: shaped like the handle. */
export interface Selection<D> extends Current<D> {
  /** The same object until something of it changes. */
  readonly current: Current<D>;
  /** `current` is another: once for all that changed at once. Returns the way to stop. */
  on(event: 'current', handler: () => void): () => void;
  /** It follows no more. The handle goes on. */
  close(): void;
}

/** The part of a handle that is looked at. */
export interface Selectable<D> {
  readonly current: Current<D>;
  readonly status: Current<D>['status'];
  readonly progress: Current<D>['progress'];
  pk(row: D): Key;
  readonly on: <E extends 'change' | 'current'>(event: E, handler: (event: StreamEvents<D>[E]) => void) => () => void;
}

/**
 * A sorted and filtered view of a handle's rows, kept up as they change: a change costs a search by halves, never another sort. It shows
 * whole commits, as `current` tells them.
 *
 * @example
 * ```ts
 * const open = select(client.stream('tasks', { listId: 7 }), { where: (task) => !task.done, orderBy: ['-priority', 'title'], limit: 50 })
 * open.on('current', () => show(open.rows))
 * ```
 */
export function select<D extends object>(stream: Selectable<D>, options: SelectOptions<D> = {}): Selection<D> {
  return new Selected(stream, options);
}

class Selected<D extends object> implements Selection<D> {
  readonly #stream: Selectable<D>;
  readonly #events = new Emitter<{ readonly current: void }>();
  readonly #where: (row: D) => boolean;
  readonly #limit: number;
  readonly #compare: Compare<D>;
  readonly #stops: readonly (() => void)[];
  /** All that are meant, in their order; beside `rows` where these are fewer. */
  #sorted: D[];
  /** As they stand in `sorted`, by key. */
  readonly #rows = new Map<string, D>();
  /** What is not in `sorted` yet. */
  readonly #changes = new Map<string, Change<D>>();
  #current: Current<D>;

  readonly on = (event: 'current', handler: () => void): (() => void) => this.#events.on(event, handler);

  constructor(stream: Selectable<D>, { where = () => true, orderBy = [], limit = Infinity }: SelectOptions<D>) {
    this.#stream = stream;
    this.#where = caught(where);
    this.#limit = limit;
    const compare = comparing(orderBy);
    this.#compare = (one, other) => compare(one, other) || compareKeys(stream.pk(one), stream.pk(other));
    const { rows, status, progress } = stream.current;
    this.#sorted = rows.filter(this.#where).sort(this.#compare);
    for (const row of this.#sorted) this.#rows.set(keyOf(stream.pk(row)), row);
    this.#current = { rows: this.#first(), status, progress };
    this.#stops = [
      stream.on('change', (change) => void this.#changes.set(keyOf(change.pk), change)),
      stream.on('current', () => this.#follow()),
    ];
  }

  get current(): Current<D> {
    return this.#current;
  }

  get rows(): Current<D>['rows'] {
    return this.#current.rows;
  }

  get status(): Current<D>['status'] {
    return this.#current.status;
  }

  get progress(): Current<D>['progress'] {
    return this.#current.progress;
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#events.clear();
  }

  #follow(): void {
    const before = this.#current;
    const { status, progress } = this.#stream; // `current` would gather the rows
    const rows = this.#apply() < this.#limit ? this.#first() : before.rows;
    if (rows === before.rows && status === before.status && progress === before.progress) return;
    this.#current = { rows, status, progress };
    this.#events.emit('current', undefined);
  }

  #first(): readonly D[] {
    return this.#sorted.length > this.#limit ? this.#sorted.slice(0, this.#limit) : this.#sorted;
  }

  /** Gives the first place at which another row stands now. */
  #apply(): number {
    let sorted: D[] | undefined;
    let first = Infinity;
    try {
      for (const [key, { data }] of this.#changes) {
        this.#changes.delete(key);
        const was = this.#rows.get(key);
        const now = data && this.#where(data) ? data : undefined;
        if (was === now) continue;
        sorted ??= this.#sorted === this.#current.rows ? this.#sorted.slice() : this.#sorted; // who holds the one before keeps it
        first = Math.min(first, this.#move(sorted, was, now));
        if (now) this.#rows.set(key, now);
        else this.#rows.delete(key);
      }
    } finally {
      if (sorted) this.#sorted = sorted;
    }
    return first;
  }

  /** Puts one in the place of the other, and gives the first place that is touched. Nothing has moved where the order throws. */
  #move(sorted: D[], was: D | undefined, now: D | undefined): number {
    const from = was ? this.#placeOf(sorted, was) : sorted.length;
    let to = now ? search(sorted, now, this.#compare) : sorted.length;
    if (was && to > from) to--;
    if (was && now && to === from) sorted[from] = now;
    else {
      if (was) sorted.splice(from, 1);
      if (now) sorted.splice(to, 0, now);
    }
    return Math.min(from, to);
  }

  #placeOf(sorted: readonly D[], row: D): number {
    const at = search(sorted, row, this.#compare);
    return sorted[at] === row ? at : sorted.indexOf(row); // an order of the app's own may have changed its mind
  }
}

/** Where it throws, the answer is no; the error surfaces as any uncaught one. */
function caught<D>(where: (row: D) => boolean): (row: D) => boolean {
  return (row) => {
    try {
      return where(row);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
      return false;
    }
  };
}

/** The first place whose row is not before this one. */
function search<D>(sorted: readonly D[], row: D, compare: Compare<D>): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(sorted[middle] as D, row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
