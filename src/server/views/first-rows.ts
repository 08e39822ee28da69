import {
  pause,
  RowcastError,
  type Clock,
  type Log,
  type Position,
  type Rows,
  type Selection,
  type Snapshot,
  type Stream,
} from '../../core/index.ts';
import { Load } from './load.ts';
import { Strays } from './strays.ts';
import { keyOf, rowsOf, selectionOf, type Wanted } from './wanted.ts';

export interface FirstRowsParts {
  readonly rows: Rows;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when everything up to the position has been passed on. */
  reach(position: Position, signal: AbortSignal): Promise<void>;
  /** Whether everything that happened to the stream's rows since then can still be told, row by row. */
  covers(stream: Stream, snapshot: Snapshot): boolean;
  /** Whether what a binding says twice is compared, see {@link Strays}. */
  readonly development: boolean;
}

/** Readings at a time: the database has others to serve. */
const AT_ONCE = 4;
/** Rows read without a condition, at most: more is a table that is read for a few rows of it. */
const SCAN = 10_000;
/** Rows and bytes of a view, at most. */
const VIEW_ROWS = 100_000;
const VIEW_BYTES = 64 * 1024 * 1024;
/** A reading that has ended is used again for whoever comes within 5 s, as far as there is room for it. */
const REUSE_MS = 5_000;
const REUSE_BYTES = 32 * 1024 * 1024;
const FIRST_WAIT = 500;
const LAST_WAIT = 30_000;

/** Reads the rows of views: one reading for all who want the same rows at about the same time. */
export class FirstRows {
  readonly #parts: FirstRowsParts;
  readonly #loads = new Map<string, Load>();
  readonly #queue: (() => void)[] = [];
  readonly #strays: Strays | null;
  #running = 0;
  #kept = 0;
  #closed = false;

  constructor(parts: FirstRowsParts) {
    this.#parts = parts;
    this.#strays = parts.development ? new Strays(parts.rows) : null;
  }

  /** @param fresh a reading that has ended does not do. */
  load(wanted: Wanted, fresh = false): Load {
    const key = keyOf(wanted);
    const known = this.#loads.get(key);
    if (known && (known.state === 'reading' || (!fresh && known.snapshot && this.#parts.covers(wanted.stream, known.snapshot))))
      return known;
    if (known) this.#forget(key, known);
    const load = new Load(() => this.#forget(key, load));
    this.#loads.set(key, load);
    if (this.#closed) load.abandon();
    void this.#run(load, wanted).then(() => this.#keep(key, load));
    return load;
  }

  close(): void {
    this.#closed = true;
    for (const load of this.#loads.values()) load.abandon();
  }

  #keep(key: string, load: Load): void {
    if (this.#loads.get(key) !== load) return;
    if (load.state !== 'read' || this.#kept + load.bytes > REUSE_BYTES) return void this.#loads.delete(key);
    this.#kept += load.bytes;
    this.#parts.clock.after(REUSE_MS, () => this.#forget(key, load));
  }

  #forget(key: string, load: Load): void {
    if (this.#loads.get(key) !== load) return;
    this.#loads.delete(key);
    if (load.state === 'read') this.#kept -= load.bytes;
  }

  async #run(load: Load, wanted: Wanted): Promise<void> {
    const { clock, log } = this.#parts;
    const { name } = wanted.stream;
    const signal = load.abandoned;
    for (let wait = FIRST_WAIT; !signal.aborted; wait = Math.min(wait * 2, LAST_WAIT)) {
      await this.#turn();
      try {
        await this.#read(load, wanted, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof TooMany) return load.refuse('too_large', error.message);
        if (error instanceof RowcastError && (error.code === 'hook_invalid' || error.code === 'binding_invalid')) {
          log.error({ err: error, stream: name }, `the rows of "${name}" cannot be read: ${error.message}`);
          return load.refuse('internal', 'the rows cannot be read: the server’s log says why');
        }
        log.error({ err: error, stream: name, retryMs: wait }, `the rows of "${name}" could not be read; trying again`);
      } finally {
        this.#over();
      }
      await pause(clock, wait, signal);
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < AT_ONCE) this.#running++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  /** Whoever is next has its turn in place of this one: nobody comes between. */
  #over(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#running--;
  }

  async #read(load: Load, wanted: Wanted, signal: AbortSignal): Promise<void> {
    load.begin();
    const { stream } = wanted;
    const selection = selectionOf(wanted);
    if (selection.by === 'condition') await this.#strays?.look(wanted, selection, signal);
    const most = selection.by === 'all' ? SCAN : VIEW_ROWS;
    const { snapshot, pages } = await this.#parts.rows.read(stream.table, selection, { signal });
    // Nothing is shown to anybody before all that the rows have in them is known here: who may not see it any more, above all.
    const over = new AbortController();
    const reached = this.#parts.reach(snapshot.until, AbortSignal.any([signal, over.signal])).then(() => {
      if (!over.signal.aborted) load.reached(snapshot);
    });
    reached.catch(() => undefined);
    try {
      let read = 0;
      for await (const { rows, total } of pages) {
        read += rows.length;
        if (read > most) throw new TooMany(tooMany(stream, selection));
        load.add(rowsOf(wanted, rows), selection.by === 'values' ? total : null);
        if (load.bytes > VIEW_BYTES) throw new TooMany(tooMany(stream, selection));
      }
      await reached;
    } finally {
      over.abort(); // a reading that failed on its way is not waited for: its moment is not that of the next one's rows
    }
    load.end();
  }
}

class TooMany extends Error {}

function tooMany({ name }: Stream, { by }: Selection): string {
  if (by !== 'all') return `"${name}" has more rows here than a view may have: ask for a narrower one`;
  return `"${name}" would read a whole table of more than ${SCAN} rows: group it by columns (groupNames: groupBy(…)), or say by \`where\` which rows a group may have`;
}
