import {
  positionOf,
  UNREADABLE,
  type Answer,
  type Change,
  type Commit,
  type Image,
  type LogValue,
  type Loss,
  type Receipt,
  type ResetReason,
  type Revocation,
  type Steps,
  type Table,
} from '../core/index.ts';
import type { Connection, Param } from './connection.ts';
import type { Joined } from './join.ts';
import type { Layout } from './layout.ts';
import { newestOf, type Newest } from './newest.ts';
import { readLayouts, readState } from './setup.ts';
import { list } from './sql.ts';

/** One commit holds at most this many rows, and about this many bytes; beyond it, the tables touched are reported lost instead. */
const ROWS = 100_000;
const BYTES = 64 * 1024 * 1024;
const PAGE = 2_000;
/** Rows deleted in one step, a few milliseconds. */
const STEP = 1_000;

/** How rows of one layout become images: by place of the model, where in the layout. */
interface Reading {
  readonly table: Table;
  /** -1: the database does not have the column as declared, or did not when these rows were written; nobody can read it. */
  readonly places: readonly number[];
  /** The layout lacks a listed column that the table has by now, or the key cannot be read: its rows cannot be told. */
  readonly blind: boolean;
}

/**
 * The journal table, read and written. Every method is synchronous, but {@link Journal.reading}: one statement is one snapshot of whole transactions,
 * and what stands between two cuts does not change.
 */
export class Journal {
  readonly #connection: Connection;
  #joined: readonly Joined[];
  #readings = new Map<number, Reading | null>();
  #layouts: readonly Layout[] = [];
  #width = 0;

  constructor(connection: Connection, joined: readonly Joined[]) {
    this.#connection = connection;
    this.#joined = joined;
    this.refresh(joined);
  }

  /** After the schema changed: the catalog as it is now. Tables stay the same objects. */
  refresh(joined: readonly Joined[]): void {
    this.#joined = joined;
    this.#width = readState(this.#connection).width;
    this.#layouts = readLayouts(this.#connection);
    this.#readings = new Map();
  }

  /** The catalog that rows are read by. */
  get joined(): readonly Joined[] {
    return this.#joined;
  }

  newest(): Newest {
    return newestOf(this.#connection);
  }

  /** The number before the oldest row kept. */
  floor(): bigint {
    return this.#connection.all('SELECT coalesce(min(seq), 1) - 1 FROM _rowcast_journal')[0]?.[0] as bigint;
  }

  /** What stands after one number up to another, both of them cuts, as one commit; null when that is nothing. Others may run between two steps. */
  *reading(after: bigint, upTo: bigint): Steps<{ readonly commit: Commit | null; readonly bytes: number }> {
    const read = upTo - after > BigInt(ROWS) ? null : yield* this.#pages(after, upTo);
    // Looked at after the rows: another process may have trimmed between the two.
    if (this.floor() > after) return { commit: this.#commit(upTo, { ...nothing(), lost: this.#allLost('retention') }), bytes: 0 };
    const found = read ?? this.#bulk(after, upTo);
    const { changes, receipts, lost, bytes } = found;
    return { commit: changes.length + receipts.length + lost.length === 0 ? null : this.#commit(upTo, found), bytes };
  }

  /** The number is not of this journal's history: the journal goes on beyond it, so that positions still rise. */
  goOnBeyond(number: bigint): void {
    this.#connection.run("INSERT INTO _rowcast_journal(seq, op) VALUES (?, 'L')", number + 1n);
  }

  receipt({ client, write, answer, hash, revokes }: Receipt): void {
    const text = (value: object | undefined): string | null => (value === undefined ? null : JSON.stringify(value));
    this.#connection.run(
      "INSERT INTO _rowcast_journal(op, o0, o1, o2, n0) VALUES ('R', ?, ?, ?, ?)",
      client,
      BigInt(write),
      text(answer),
      text(revokes) ?? hash ?? null, // what revokes has no answer
    );
  }

  /** A change that the app reports. Values as the table would store them, by place. */
  change(table: Table, before: readonly Param[] | null, after: readonly Param[] | null): void {
    const layout = this.#layoutOf(table);
    const { places } = this.#reading(layout.id) as Reading;
    const names: string[] = [];
    const values: Param[] = [];
    const put = (prefix: 'o' | 'n', image: readonly Param[]): void => {
      for (const [place, at] of places.entries()) {
        if (at < 0) continue;
        names.push(`${prefix}${at}`);
        values.push(image[place] ?? null);
      }
    };
    if (before) put('o', before);
    if (after) put('n', after);
    const op = before ? (after ? 'U' : 'D') : 'I';
    // sql: names are o and n with numbers
    const sql = `INSERT INTO _rowcast_journal(tbl, op, ${names.join(', ')}) VALUES (?, ?, ${list(names.length, () => '?')})`;
    this.#connection.run(sql, BigInt(layout.id), op, ...values);
  }

  /** Deletes a step of rows up to a number. @returns whether there is more to delete. */
  trim(upTo: bigint): boolean {
    const floor = this.floor();
    if (upTo <= floor) return false;
    const step = floor + BigInt(STEP) < upTo ? floor + BigInt(STEP) : upTo;
    this.#connection.run('DELETE FROM _rowcast_journal WHERE seq <= ?', step);
    return step < upTo;
  }

  *#pages(after: bigint, tail: bigint): Steps<Found | null> {
    const found = nothing();
    const width = this.#width;
    const sql = `SELECT seq, tbl, op, ${list(width, (at) => `o${at}`)}, ${list(width, (at) => `n${at}`)} FROM _rowcast_journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${PAGE}`;
    for (let from = after; from < tail;) {
      const rows = this.#connection.all(sql, from, tail);
      for (const row of rows) {
        this.#take(row, found);
        found.bytes += sizeOf(row);
      }
      if (found.bytes > BYTES) return null;
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) break;
      from = last[0] as bigint;
      yield;
    }
    return found;
  }

  #take(row: readonly LogValue[], found: Found): void {
    const [, layout, op] = row as unknown as readonly [bigint, bigint | null, string];
    const olds = 3;
    const news = 3 + this.#width;
    if (op === 'R') return void found.receipts.push(receiptOf([...row.slice(olds, olds + 3), row[news] ?? null]));
    const reading = layout === null ? undefined : this.#reading(Number(layout));
    if (reading === undefined) return void found.lost.push(...this.#allLost('timeline'));
    if (reading === null) return;
    const { table } = reading;
    if (op === 'L' || reading.blind) {
      found.lost.push({ table, reason: 'schema' });
      return;
    }
    found.changes.push({
      table,
      before: op === 'I' ? null : imageOf(row, olds, reading),
      after: op === 'D' ? null : imageOf(row, news, reading),
    });
  }

  /** More than one read may hold: which tables, and whose writes. */
  #bulk(after: bigint, tail: bigint): Found {
    const touched = this.#connection.all("SELECT DISTINCT tbl FROM _rowcast_journal WHERE seq > ? AND seq <= ? AND op <> 'R'", after, tail);
    const receipts = this.#connection.all(
      `SELECT o0, o1, o2, n0 FROM _rowcast_journal WHERE seq > ? AND seq <= ? AND op = 'R' ORDER BY seq DESC LIMIT ${ROWS}`,
      after,
      tail,
    );
    const tables = new Set(
      touched.flatMap(([id]) => (id === null ? this.#joined.map(({ table }) => table) : [this.#reading(Number(id))?.table])),
    );
    const lost = [...tables].flatMap((table): Loss[] => (table ? [{ table, reason: 'bulk' }] : []));
    return { ...nothing(), receipts: receipts.toReversed().map(receiptOf), lost };
  }

  #allLost(reason: ResetReason): Loss[] {
    return this.#joined.map(({ table }) => ({ table, reason }));
  }

  #commit(last: bigint, { changes, receipts, lost }: Found): Commit {
    const tables = new Map(lost.map((each) => [each.table, each]));
    return {
      position: positionOf(last),
      xid: null,
      receipts,
      changes: changes.filter(({ table }) => !tables.has(table)),
      lost: [...tables.values()],
    };
  }

  /** Null: a table that is bound elsewhere. */
  #reading(id: number): Reading | null {
    let reading = this.#readings.get(id);
    if (reading !== undefined) return reading;
    let layout = this.#layouts.find((each) => each.id === id);
    if (!layout) {
      this.#layouts = readLayouts(this.#connection);
      layout = this.#layouts.find((each) => each.id === id);
    }
    const joined = this.#joined.find(({ catalog }) => catalog.name === layout?.table);
    reading = layout && joined ? readingOf(layout, joined) : null;
    this.#readings.set(id, reading);
    return reading;
  }

  /** The one that says most of its rows, the newest of several. */
  #layoutOf(table: Table): Layout {
    const unread = (id: number): number => this.#reading(id)?.places.filter((at) => at < 0).length ?? Infinity;
    const usable = this.#layouts.filter((layout) => layout.table === table.id && this.#reading(layout.id)?.blind === false);
    const [found] = usable.toSorted((one, other) => unread(one.id) - unread(other.id) || other.id - one.id);
    if (!found) throw new Error(`no layout for ${table.id}`);
    return found;
  }
}

interface Found {
  readonly changes: Change[];
  readonly receipts: Receipt[];
  readonly lost: Loss[];
  /** About how much memory its rows take. */
  bytes: number;
}

function nothing(): Found {
  return { changes: [], receipts: [], lost: [], bytes: 0 };
}

function readingOf(layout: Layout, { table, affinities, listed }: Joined): Reading {
  const at = new Map(layout.columns.map((column, index) => [column.toLowerCase(), index]));
  const places = table.columns.map(({ column }, place) => (affinities[place] ? (at.get(column.toLowerCase()) ?? -1) : -1));
  const blind = places.some((found, place) => found < 0 && ((affinities[place] && listed.has(place)) || table.key.includes(place)));
  return { table, places, blind };
}

function imageOf(row: readonly LogValue[], from: number, { places }: Reading): Image {
  return places.map((at) => (at < 0 ? UNREADABLE : (row[from + at] ?? null)));
}

function receiptOf([client, write, answer, more]: readonly LogValue[]): Receipt {
  const of = { client: client as string, write: Number(write) };
  if (typeof answer === 'string') return { ...of, answer: JSON.parse(answer) as Answer, ...(typeof more === 'string' && { hash: more }) };
  return { ...of, ...(typeof more === 'string' && { revokes: JSON.parse(more) as Revocation }) };
}

/** About how many bytes a row takes in memory. */
export function sizeOf(row: readonly LogValue[]): number {
  let size = 0;
  for (const value of row) {
    if (typeof value === 'string') size += 2 * value.length;
    else if (value instanceof Uint8Array) size += value.byteLength;
    else size += 8;
  }
  return size;
}
