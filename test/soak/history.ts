import { decode, type Texts } from './decoding.ts';
import { KEYS } from './tables.ts';

/** What one commit did to one row, in all: `before` it and `after` it; null: not there. Never both null, nor one and the same. */
export interface Net {
  readonly table: string;
  readonly key: string;
  readonly before: Texts | null;
  readonly after: Texts | null;
}

/** A commit as Postgres itself tells it. */
export interface Committed {
  /** The end of its record in the log, as 16 hex digits. */
  readonly position: string;
  readonly changes: readonly Net[];
  /** Tables that were emptied at a stroke. */
  readonly truncated: ReadonlySet<string>;
  /** Row changes as they were made, before they were summed up, and the bytes they took as text. */
  readonly rows: number;
  readonly bytes: number;
}

/** A line of `pg_logical_slot_get_changes`. The `lsn` of a COMMIT line is the end of the commit's record. */
export interface SlotLine {
  readonly lsn: string;
  readonly xid: string;
  readonly data: string;
}

/** Everything that was committed, in order, and the tables as of the last commit. */
export class History {
  readonly commits: Committed[] = [];
  /** Row changes so far: what was asked of the writers. */
  changes = 0;
  readonly #tables = new Map<string, Map<string, Texts>>();
  #open: { xid: string; lines: string[] } | null = null;

  get position(): string {
    return this.commits.at(-1)?.position ?? '0'.repeat(16);
  }

  rows(table: string): ReadonlyMap<string, Texts> {
    return this.#table(table);
  }

  /** Lines in the order the slot gave them. After a crash a slot may tell again what it told before: that is left out by its position. */
  take(line: SlotLine): void {
    const { type } = line.data.startsWith('table ') ? { type: 'row' } : decode(line.data);
    if (type === 'begin') this.#open = { xid: line.xid, lines: [] };
    else if (type === 'row') {
      // What others keep in schemas of their own is no row of the app's.
      if (!line.data.startsWith('table public.')) return;
      if (this.#open?.xid !== line.xid) throw new Error(`a change outside of its transaction: ${line.data.slice(0, 200)}`);
      this.#open.lines.push(line.data);
    } else if (type === 'commit') {
      const lines = this.#open?.lines ?? [];
      this.#open = null;
      const position = positionOf(line.lsn);
      if (position > this.position && lines.length > 0) this.#commit(position, lines);
    }
  }

  /** What was read of a transaction whose end did not come: the connection was lost, and it comes again. */
  forgetOpen(): void {
    this.#open = null;
  }

  #commit(position: string, lines: readonly string[]): void {
    const before = new Map<string, { table: string; key: string; row: Texts | null }>();
    const truncated = new Set<string>();
    let rows = 0;
    const set = (table: string, key: string, row: Texts | null): void => {
      const rowsNow = this.#table(table);
      const id = `${table} ${key}`;
      if (!before.has(id)) before.set(id, { table, key, row: rowsNow.get(key) ?? null });
      if (row) rowsNow.set(key, row);
      else rowsNow.delete(key);
    };
    for (const line of lines) {
      const change = decode(line);
      switch (change.type) {
        case 'insert':
          set(change.table, keyOf(change.table, change.row), change.row);
          rows++;
          break;
        case 'update': {
          const key = keyOf(change.table, change.row);
          const from = change.old ? keyOf(change.table, change.old) : key;
          const was = this.#table(change.table).get(from);
          if (!was) throw new Error(`an update of a row that is not there: ${line.slice(0, 200)}`);
          if (from !== key) set(change.table, from, null);
          set(change.table, key, { ...was, ...change.row });
          rows++;
          break;
        }
        case 'delete':
          set(change.table, keyOf(change.table, change.old), null);
          rows++;
          break;
        case 'truncate':
          for (const table of change.tables) {
            truncated.add(table);
            for (const key of [...this.#table(table).keys()]) set(table, key, null);
          }
          break;
        default:
          throw new Error(`not a change: ${line}`);
      }
    }
    const changes = [...before.values()]
      .map(({ table, key, row }): Net => ({ table, key, before: row, after: this.#table(table).get(key) ?? null }))
      .filter(({ before: was, after }) => was !== after);
    this.changes += rows;
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    this.commits.push({ position, changes, truncated, rows, bytes });
  }

  #table(name: string): Map<string, Texts> {
    let rows = this.#tables.get(name);
    if (!rows) this.#tables.set(name, (rows = new Map()));
    return rows;
  }
}

/** @example positionOf('1/6B374D48') // '000000016b374d48' */
export function positionOf(lsn: string): string {
  const [high = '', low = ''] = lsn.split('/');
  return (high.padStart(8, '0') + low.padStart(8, '0')).toLowerCase();
}

export function keyOf(table: string, row: Texts): string {
  const columns = KEYS[table];
  if (!columns) throw new Error(`nothing is known of the table ${table}`);
  return JSON.stringify(columns.map((column) => row[column]));
}
