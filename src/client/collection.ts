import type { Data, Key, Position } from '../protocol/index.ts';
import { Listing } from './listing.ts';
import { Entry, FORMLESS, keyOf, type Form, type Row } from './rows.ts';
import type { Change } from './types.ts';

/** What lies on top of the rows that the server told. Before anything of it changes, it has the row noted ({@link Collection.note}). */
export interface Layer {
  /** The rows on which something lies, in the order it came. */
  readonly keys: Iterable<string>;
  /** What shows of a row of which the server told this. The same for as long as neither changes. */
  over(key: string, told: Entry | undefined): Entry | undefined;
  /**
   * The rows are those of there: what they have by now is taken off. Left out: whatever is known to be done.
   *
   * @param now they are all that there is: what is done, nobody knows where, is in them as well
   */
  reach(position?: Position, now?: boolean): void;
  /** Rows have another form. */
  renew(): void;
}

/** So many changes between two looks, and the rows are listed anew. */
const MANY = 64;

/**
 * The rows of one view: those that the server told, and beside them those that are on their way to take their place. Whatever is done to them is
 * noted: {@link changes} gives what that makes of what was shown before.
 */
export class Collection {
  /** Rows that were told keep the one they came with. */
  form: Form = FORMLESS;
  layer: Layer | undefined;
  /** Another whenever `rows` may be. */
  version = 0;
  readonly #told = new Map<string, Entry>();
  /** Those on their way; null: what comes is of the rows that are shown. */
  staged: Map<string, Entry> | null = null;
  /** What was shown before, of what was done something to. */
  #noted = new Map<string, Entry | undefined>();
  #came = 0;
  readonly #listing = new Listing();
  /** What was done something to since somebody looked, by the place it had then; null: so much that all is listed anew. */
  #unlisted: Map<string, number | undefined> | null = new Map();

  /** In the order they came, those that are being made at the end. The same array until something changes. */
  get rows(): readonly Row[] {
    const unlisted = this.#unlisted;
    if (!unlisted) this.#listing.fill(this.#shown());
    else if (unlisted.size > 0) this.#listing.change(Array.from(unlisted, ([key, was]) => [was, this.#at(key)] as const));
    this.#unlisted = new Map();
    return this.#listing.rows;
  }

  at(pk: Key): Entry | undefined {
    return this.#at(keyOf(pk));
  }

  /** As the server told it. */
  told(pk: Key): Data | undefined {
    return this.#told.get(keyOf(pk))?.data;
  }

  /** As the server told them. */
  all(): Iterable<Entry> {
    return this.#told.values();
  }

  /** All that is shown, as changes of nothing. */
  greeting(): readonly Change[] {
    return this.#shown().map((entry) => entry.change('create'));
  }

  /** Rows are read from the start: what comes from here on is put aside, and what is shown stays until {@link swap}. */
  load(): void {
    this.staged = new Map();
  }

  /** One of the rows that are read. */
  add(pk: Key, data: Data): void {
    (this.staged ??= new Map()).set(keyOf(pk), new Entry(pk, data, this.form));
  }

  /** What a row is now; null: it is gone. */
  put(pk: Key, data: Data | null): void {
    const key = keyOf(pk);
    const entry = data && new Entry(pk, data, this.form);
    if (!this.staged) this.#put(key, entry);
    else if (entry) this.staged.set(key, entry);
    else this.staged.delete(key);
  }

  /** Shows the rows that were put aside, if any. One that does not differ stays the object it was, in its place. */
  swap(): void {
    const staged = this.staged;
    this.staged = null;
    if (!staged) return;
    for (const key of [...this.#told.keys()]) if (!staged.has(key)) this.#put(key, null);
    for (const [key, entry] of staged) if (!this.#told.get(key)?.same(entry)) this.#put(key, entry);
  }

  /** Leaves nothing that the server told, and nothing of which it said that it is done. */
  clear(): void {
    this.load();
    this.swap();
    this.layer?.reach();
  }

  /** Something is about to be done to a row. */
  note(key: string): void {
    const was = this.#at(key);
    this.version++;
    if (!this.#noted.has(key)) this.#noted.set(key, was);
    this.#unlist(key, was);
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
        this.#unlist(key, now);
        if (this.#told.get(key) === now) this.#told.set(key, was.at(now.place));
      } else if (now) changes.push(now.change(was ? 'update' : 'create'));
      else if (was) changes.push(was.change('delete'));
    }
    return changes;
  }

  #put(key: string, entry: Entry | null): void {
    this.note(key);
    if (entry) this.#told.set(key, entry.at(this.#told.get(key)?.place ?? ++this.#came));
    else this.#told.delete(key);
  }

  /** Who never looks does not keep what has changed for ever. */
  #unlist(key: string, was: Entry | undefined): void {
    if (!this.#unlisted || this.#unlisted.has(key)) return;
    if (this.#unlisted.size < MANY) this.#unlisted.set(key, was?.place);
    else this.#unlisted = null;
  }

  #at(key: string): Entry | undefined {
    const told = this.#told.get(key);
    return this.layer ? this.layer.over(key, told) : told;
  }

  #shown(): readonly Entry[] {
    const { layer } = this;
    if (!layer) return [...this.#told.values()];
    const shown = Array.from(this.#told, ([key, told]) => layer.over(key, told));
    for (const key of layer.keys) if (!this.#told.has(key)) shown.push(layer.over(key, undefined));
    return shown.filter((entry) => entry !== undefined);
  }
}
