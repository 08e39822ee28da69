import type { Data, Key, Position } from '../protocol/index.ts';
import { Listing } from './listing.ts';
import { Entry, keyOf, type Form, type Row } from './rows.ts';
import type { Change } from './types.ts';

/** What a write that is not in the rows yet does to one of them. */
export interface Op {
  /** Null: a delete. */
  readonly data: Data | null;
  /** The row is made by it: where there is one already, that is it. */
  readonly creates: boolean;
  /** The row it is about; one that is made has a key of its own until the server gives it another. */
  pk: Key;
  /** Where the rows have what it does; null: nobody knows yet; `''`: in those that come next. */
  position: Position | null;
}

/** Places from here on are of rows that the server has not told. */
const MAKING = 2 ** 52;

/**
 * The rows of one view: those that the server told, beside them those that are on their way to take their place, and on top what is not there yet of this
 * client's own writes. Whatever is done to them is noted: {@link changes} gives what that makes of what was shown before.
 */
export class Collection {
  form: Form;
  readonly #base = new Map<string, Entry>();
  #staged: Map<string, Entry> | null = null;
  readonly #ops = new Map<string, Op[]>();
  /** What the writes make of the rows they are about; null: nothing is shown. */
  readonly #over = new Map<string, Entry | null>();
  /** What was shown before, of what was done something to. */
  #noted = new Map<string, Entry | undefined>();
  /** In which order rows came, by key; those that are being made are after all others. */
  readonly #places = new Map<string, number>();
  #came = 0;
  /** The rows when somebody looked last; and by the place that it had there, what was done something to since. Null: so much that all is put down anew. */
  readonly #listing = new Listing<Row>();
  #unlisted: Map<string, number | undefined> | null = new Map();
  /** Another whenever `rows` may be. */
  version = 0;

  constructor(form: Form) {
    this.form = form;
  }

  /** In the order they came, those that are being made at the end. The same array until something changes. */
  get rows(): readonly Row[] {
    const listing = this.#listing;
    if (this.#unlisted?.size === 0) return listing.values;
    if (!this.#unlisted) {
      listing.fill(Array.from(this.#shown(), ([key, { row }]) => [this.#places.get(key) as number, row]));
    } else {
      for (const [key, was] of this.#unlisted) {
        const place = this.#places.get(key);
        const entry = this.#at(key);
        if (was !== undefined && (was !== place || !entry)) listing.drop(was);
        if (entry) listing.put(place as number, entry.row);
      }
    }
    this.#unlisted = new Map();
    return listing.values;
  }

  at(pk: Key): Entry | undefined {
    return this.#at(keyOf(pk));
  }

  /** As the server told it. */
  told(pk: Key): Data | undefined {
    return this.#base.get(keyOf(pk))?.data;
  }

  /** As the server told them. */
  all(): Iterable<Entry> {
    return this.#base.values();
  }

  /** All that is shown, as changes of nothing. */
  greeting(): readonly Change[] {
    return Array.from(this.#shown(), ([, entry]) => entry.change('create'));
  }

  /** Rows are read from the start: what comes from here on is put aside, and what is shown stays until {@link swap}. */
  load(): void {
    this.#staged = new Map();
  }

  /** One of the rows that are read. */
  add(pk: Key, data: Data): void {
    (this.#staged ??= new Map()).set(keyOf(pk), new Entry(pk, data, this.form));
  }

  /** What a row is now; null: it is gone. */
  put(pk: Key, data: Data | null): void {
    const key = keyOf(pk);
    const entry = data && new Entry(pk, data, this.form);
    if (this.#staged) {
      if (entry) this.#staged.set(key, entry);
      else this.#staged.delete(key);
    } else this.#put(key, entry);
  }

  /** Shows the rows that were put aside, if any. One that does not differ stays the object it was, in its place. */
  swap(): void {
    const staged = this.#staged;
    this.#staged = null;
    if (!staged) return;
    for (const key of [...this.#base.keys()]) if (!staged.has(key)) this.#put(key, null);
    for (const [key, entry] of staged) if (!this.#base.get(key)?.same(entry)) this.#put(key, entry);
  }

  /** Leaves nothing that the server told, and nothing of which it said that it is done. */
  clear(): void {
    this.load();
    this.swap();
    for (const ops of [...this.#ops.values()]) for (const op of ops) if (op.position !== null) this.lift(op);
  }

  /** A write is made. */
  lay(op: Op): void {
    const key = keyOf(op.pk);
    const ops = this.#ops.get(key);
    if (ops?.includes(op)) return;
    if (ops) ops.push(op);
    else this.#ops.set(key, [op]);
    this.#fold(key);
  }

  /** It is undone, or the rows have it. */
  lift(op: Op): void {
    const key = keyOf(op.pk);
    const left = this.#ops.get(key)?.filter((each) => each !== op);
    if (!left) return;
    if (left.length > 0) this.#ops.set(key, left);
    else this.#ops.delete(key);
    this.#fold(key);
  }

  /**
   * The rows are those of this position: what is in them by now is no longer laid on top.
   *
   * @param now they are all that there is: what is done, nobody knows where, is in them as well
   */
  reach(position: Position, now: boolean): void {
    for (const ops of [...this.#ops.values()])
      for (const op of ops) if (op.position !== null && op.position <= position && (now || op.position !== '')) this.lift(op);
  }

  /** What was done since it was asked last makes of what was shown then. */
  changes(): readonly Change[] {
    if (this.#noted.size === 0) return [];
    const noted = this.#noted;
    this.#noted = new Map();
    const changes: Change[] = [];
    for (const [key, was] of noted) {
      const now = this.#at(key);
      if (was === now) continue;
      // The server told what was shown already: it stays the object it was.
      if (was?.own && now && was.same(now)) {
        if (this.#base.get(key) === now) this.#base.set(key, was);
        this.#unlist(key, was);
        continue;
      }
      if (now) changes.push(now.change(was ? 'update' : 'create'));
      else if (was) changes.push(was.change('delete'));
    }
    return changes;
  }

  #put(key: string, entry: Entry | null): void {
    this.#note(key);
    const had = this.#base.has(key);
    if (had && !entry) this.#places.delete(key);
    if (!had && entry) this.#places.set(key, ++this.#came);
    if (entry) this.#base.set(key, entry);
    else this.#base.delete(key);
    if (this.#ops.has(key)) this.#fold(key);
  }

  #note(key: string): void {
    this.version++;
    const was = this.#at(key);
    if (!this.#noted.has(key)) this.#noted.set(key, was);
    this.#unlist(key, was);
  }

  /** Who never looks does not keep what has changed for ever. */
  #unlist(key: string, was: Entry | undefined): void {
    if (!this.#unlisted || this.#unlisted.has(key)) return;
    this.#unlisted.set(key, was && this.#places.get(key));
    if (this.#unlisted.size > 64 && this.#unlisted.size * 8 > this.#base.size) this.#unlisted = null;
  }

  /** The writes of one row, in order, on what the server told of it. */
  #fold(key: string): void {
    this.#note(key);
    const ops = this.#ops.get(key);
    if (!ops) {
      if (!this.#base.has(key)) this.#places.delete(key);
      return void this.#over.delete(key);
    }
    let entry = this.#base.get(key);
    for (const { creates, pk, data } of ops) {
      if (!data) entry = undefined;
      else if (!creates) entry = entry?.with(data);
      else entry ??= new Entry(pk, data, this.form, true);
    }
    if (!this.#places.has(key)) this.#places.set(key, MAKING + ++this.#came);
    this.#over.set(key, entry ?? null);
  }

  #at(key: string): Entry | undefined {
    const over = this.#over.get(key);
    return over === undefined ? this.#base.get(key) : (over ?? undefined);
  }

  *#shown(): Iterable<readonly [key: string, entry: Entry]> {
    for (const [key, entry] of this.#base) {
      const over = this.#over.get(key);
      if (over !== null) yield [key, over ?? entry];
    }
    const placeOf = (key: string): number => this.#places.get(key) as number;
    const made = [...this.#over].filter(([key]) => !this.#base.has(key)).sort(([one], [other]) => placeOf(one) - placeOf(other));
    for (const [key, entry] of made) if (entry) yield [key, entry];
  }
}
