import {
  ColumnGroup,
  keyText,
  pause,
  placeOf,
  RowcastError,
  type Clock,
  type Condition,
  type Image,
  type Log,
  type Position,
  type Rows,
  type Selection,
  type Snapshot,
  type Stream,
} from '../../core/index.ts';
import type { AnswerCode } from '../../protocol/index.ts';
import type { View } from '../fan-out/audience.ts';
import type { Held } from '../fan-out/held.ts';
import type { Item } from '../fan-out/tick.ts';
import type { RowText } from '../fan-out/wire.ts';

export interface FirstRowsParts {
  readonly rows: Rows;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when everything up to the position has been passed on. */
  reach(position: Position, signal: AbortSignal): Promise<void>;
  /** Whether everything that happened to the stream's rows since then can still be told, row by row. */
  covers(stream: Stream, snapshot: Snapshot): boolean;
  /** Whether what a binding says twice is compared, see {@link strays}. */
  readonly development: boolean;
}

/** Readings at a time: the database has others to serve. */
const AT_ONCE = 4;
/** Rows read without a condition, at most: more is a table that is read for a few rows of it. */
const SCAN = 10_000;
/** How often a row must be found left out. */
const COMPARED = 3;
/** Rows and bytes of a view, at most. */
const VIEW_ROWS = 100_000;
const VIEW_BYTES = 64 * 1024 * 1024;
/** Text of one frame. */
const PAGE_BYTES = 48 * 1024;
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
  readonly #compared = new Set<string>();
  #running = 0;
  #kept = 0;
  #closed = false;

  constructor(parts: FirstRowsParts) {
    this.#parts = parts;
  }

  /** @param fresh a reading that has ended does not do. */
  load(stream: Stream, groups: Held, fresh = false): Load {
    const key = JSON.stringify([stream.name, [...groups.keys()].sort()]);
    const known = this.#loads.get(key);
    if (known && (known.state === 'reading' || (!fresh && known.snapshot && this.#parts.covers(stream, known.snapshot)))) return known;
    if (known) this.#forget(key, known);
    const load = new Load(() => this.#forget(key, load));
    this.#loads.set(key, load);
    if (this.#closed) load.abandon();
    void this.#run(load, stream, groups).then(() => this.#keep(key, load));
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

  async #run(load: Load, stream: Stream, groups: Held): Promise<void> {
    const { clock, log } = this.#parts;
    const signal = load.abandoned;
    for (let wait = FIRST_WAIT; !signal.aborted; wait = Math.min(wait * 2, LAST_WAIT)) {
      await this.#turn();
      try {
        await this.#read(load, { stream, groups }, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof TooMany) return load.refuse('too_large', error.message);
        if (error instanceof RowcastError && (error.code === 'hook_invalid' || error.code === 'binding_invalid')) {
          log.error({ err: error, stream: stream.name }, `the rows of "${stream.name}" cannot be read: ${error.message}`);
          return load.refuse('internal', 'the rows cannot be read: the server’s log says why');
        }
        log.error({ err: error, stream: stream.name, retryMs: wait }, `the rows of "${stream.name}" could not be read; trying again`);
      } finally {
        this.#running--;
        this.#queue.shift()?.();
      }
      await pause(clock, wait, signal);
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
  }

  async #read(load: Load, { stream, groups }: Wanted, signal: AbortSignal): Promise<void> {
    load.begin();
    const selection = selectionOf(stream, groups);
    if (selection.by === 'condition' && this.#parts.development) await this.#compare({ stream, groups }, selection, signal);
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
        load.add(rowsOf(stream, groups, rows), selection.by === 'values' ? total : null);
        if (load.bytes > VIEW_BYTES) throw new TooMany(tooMany(stream, selection));
      }
      await reached;
    } finally {
      over.abort(); // a reading that failed on its way is not waited for: its moment is not that of the next one's rows
    }
    load.end();
  }

  /** Once for each view: that the condition finds every row that `groupNames` puts into these groups. */
  async #compare({ stream, groups }: Wanted, selection: Selection, signal: AbortSignal): Promise<void> {
    const key = JSON.stringify([stream.name, [...groups.keys()].sort()]);
    if (this.#compared.has(key)) return;
    const found = async (by: Selection): Promise<Set<string>> => {
      const keys = new Set<string>();
      const { pages } = await this.#parts.rows.read(stream.table, by, { signal });
      for await (const { rows } of pages) {
        for (const row of rowsOf(stream, groups, rows)) keys.add(row.key);
        if (keys.size > SCAN) break;
      }
      return keys;
    };
    // Before and after: what comes and goes meanwhile is no fault, and the same row does not do that each time.
    let strays: ReadonlySet<string> | null = null;
    for (let round = 0; round < COMPARED && strays?.size !== 0; round++) {
      const before = await found(selection);
      const all = await found({ by: 'all' });
      const after = await found(selection);
      const missing =
        all.size > SCAN ? [] : [...all].filter((each) => !before.has(each) && !after.has(each) && strays?.has(each) !== false);
      strays = new Set(missing);
    }
    const [stray] = strays ?? [];
    if (stray !== undefined) {
      throw new RowcastError(
        'hook_invalid',
        `\`where\` of "${stream.name}" leaves out the row ${stray}, which \`groupNames\` puts into the group: it must find at least the rows of ` +
          `the group (this is looked for while NODE_ENV is not "production")`,
      );
    }
    this.#compared.add(key);
  }
}

interface Wanted {
  readonly stream: Stream;
  readonly groups: Held;
}

class TooMany extends Error {}

function tooMany({ name }: Stream, { by }: Selection): string {
  if (by !== 'all') return `"${name}" has more rows here than a view may have: ask for a narrower one`;
  return `"${name}" would read a whole table of more than ${SCAN} rows: group it by columns (groupNames: groupBy(…)), or say by \`where\` which rows a group may have`;
}

/** Where the rows of these groups are found. */
export function selectionOf({ name, binding, table }: Stream, groups: Held): Selection {
  if (binding.groupBy) {
    const places = binding.groupBy.map((column) => placeOf(table, column));
    const tuples = [...groups.values()].flatMap((group) => (group instanceof ColumnGroup ? [group.values] : []));
    return { by: 'values', places, tuples };
  }
  const { where } = binding.options;
  if (!where) return { by: 'all' };
  const { condition } = table.model;
  if (!condition) throw new RowcastError('binding_invalid', `"${name}" has a \`where\`, and its model takes no conditions; leave it out`);
  const any = [...groups.keys()].flatMap((group): Condition[] => {
    const found = where.call(binding.options, group);
    return found ? [condition.call(table.model, found)] : [];
  });
  return { by: 'condition', any };
}

/** As they would have come by the log: the same projection, the same test. */
function rowsOf(stream: Stream, groups: Held, rows: readonly Image[]): readonly RowText[] {
  return rows.flatMap((image): RowText[] => {
    if (!stream.groups(image).some((group) => groups.has(group))) return [];
    const fields = stream.text(image);
    return fields === null ? [] : [{ key: keyText(stream.table, image), fields }];
  });
}

interface Page {
  readonly rows: readonly RowText[];
  readonly count: number;
  readonly total: number | null;
}

/** Who waits for rows. */
export interface Waiting {
  /** There is more. */
  pump(): void;
}

/** Rows that are being read, or were: for any number of subscriptions, each at its own pace. */
export class Load {
  state: 'reading' | 'read' | 'refused' = 'reading';
  bytes = 0;
  /** Why it was refused. */
  code: AnswerCode = 'internal';
  message = '';
  /** How often it was begun anew: what was taken of it before is worth nothing. */
  round = 0;
  #snapshot: Snapshot | null = null;
  #pages: Page[] = [];
  readonly #items = new Map<View, Item[]>();
  readonly #waiting = new Set<Waiting>();
  readonly #abandon = new AbortController();
  readonly #forget: () => void;
  #count = 0;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  get abandoned(): AbortSignal {
    return this.#abandon.signal;
  }

  /** The moment its pages are of; null: they are not to be shown yet. */
  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  get pages(): number {
    return this.#pages.length;
  }

  wait(who: Waiting): void {
    this.#waiting.add(who);
  }

  /** Nobody waits any more: it need not be read. */
  leave(who: Waiting): void {
    this.#waiting.delete(who);
    if (this.#waiting.size > 0 || this.state !== 'reading') return;
    this.#forget();
    this.abandon();
  }

  abandon(): void {
    this.#abandon.abort();
  }

  /** The same object for everybody of the view: its bytes are made once. */
  item(view: View, page: number): Item {
    let items = this.#items.get(view);
    if (!items) this.#items.set(view, (items = []));
    return (items[page] ??= { position: null, page: { view, ...(this.#pages[page] as Page) } });
  }

  begin(): void {
    if (this.#pages.length > 0) this.round++;
    this.#snapshot = null;
    this.#pages = [];
    this.#items.clear();
    this.#count = this.bytes = 0;
  }

  reached(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#tell();
  }

  add(rows: readonly RowText[], total: number | null): void {
    let page: RowText[] = [];
    let size = 0;
    for (const row of rows) {
      page.push(row);
      size += row.key.length + row.fields.length;
      if (size < PAGE_BYTES) continue;
      this.#page(page, size, total);
      page = [];
      size = 0;
    }
    if (page.length > 0) this.#page(page, size, total);
    this.#tell();
  }

  end(): void {
    this.state = 'read';
    this.#tell();
  }

  refuse(code: AnswerCode, message: string): void {
    this.code = code;
    this.message = message;
    this.state = 'refused';
    this.#tell();
  }

  #page(rows: readonly RowText[], size: number, total: number | null): void {
    this.#count += rows.length;
    this.bytes += size;
    this.#pages.push({ rows, count: this.#count, total });
  }

  #tell(): void {
    for (const who of [...this.#waiting]) who.pump();
  }
}
