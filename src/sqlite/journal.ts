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
  type Table,
} from '../core/index.ts';
import type { Connection, Param } from './connection.ts';
import type { Joined } from './join.ts';
import type { Layout } from './layout.ts';
import { readLayouts, readState } from './setup.ts';
import { list } from './sql.ts';

/** One read holds at most this many rows, and about this many bytes; beyond it, the tables touched are reported lost instead. */
const ROWS = 100_000;
const BYTES = 64 * 1024 * 1024;
const PAGE = 5_000;
/** Rows kept behind the newest, however well acknowledged: for readers that come back. */
export const KEPT = 10_000;
/** Rows deleted in one step, a few milliseconds. */
const STEP = 1_000;

/** How rows of one layout become images: by place of the model, where in the layout. */
interface Reading {
  readonly table: Table;
  /** -1: the database does not have the column as declared; nobody can read it. */
  readonly places: readonly number[];
  /** The layout lacks a column that the table has by now, or the key cannot be read: its rows cannot be told. */
  readonly blind: boolean;
}

/** The journal table, read and written. Every method is synchronous: one statement is one snapshot of whole transactions. */
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

  tail(): bigint {
    return this.#number('SELECT coalesce(max(seq), 0) AS n FROM _rowcast_journal');
  }

  /** What became visible after `after`, as one commit, and where that ends; null when nothing did. */
  next(after: bigint): { readonly commit: Commit | null; readonly last: bigint } | null {
    const tail = this.tail();
    if (tail === after) return null;
    if (tail < after) return this.#skipAhead(after);
    const read = tail - after > BigInt(ROWS) ? null : this.#pages(after, tail);
    // Looked at after the rows: another process may have trimmed between the two.
    if (this.#floor() > after) return { commit: this.#commit(tail, { changes: [], receipts: [], lost: this.#allLost() }), last: tail };
    const found = read ?? this.#bulk(after, tail);
    if (found.changes.length === 0 && found.receipts.length === 0 && found.lost.length === 0) return { commit: null, last: tail };
    return { commit: this.#commit(tail, found), last: tail };
  }

  receipt({ client, write, answer }: Receipt): void {
    const text = answer === undefined ? null : JSON.stringify(answer);
    this.#connection.run("INSERT INTO _rowcast_journal(op, o0, o1, o2) VALUES ('R', ?, ?, ?)", client, BigInt(write), text);
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

  /** Deletes a step of rows up to `acknowledged` that are beyond the newest 10,000. @returns whether there is more to delete. */
  trim(acknowledged: bigint): boolean {
    const keep = this.tail() - BigInt(KEPT);
    const upTo = acknowledged < keep ? acknowledged : keep;
    const floor = this.#floor();
    if (upTo <= floor) return false;
    const step = floor + BigInt(STEP) < upTo ? floor + BigInt(STEP) : upTo;
    this.#connection.run('DELETE FROM _rowcast_journal WHERE seq <= ?', step);
    return step < upTo;
  }

  /** The position before the oldest row kept. */
  #floor(): bigint {
    return this.#number('SELECT coalesce(min(seq), 1) - 1 AS n FROM _rowcast_journal');
  }

  /** The position is not of this file's history: the journal goes on beyond it, so that positions still rise. */
  #skipAhead(after: bigint): { readonly commit: Commit; readonly last: bigint } | null {
    this.#connection.run("INSERT INTO _rowcast_journal(seq, op, o0) VALUES (?, 'L', 'source')", after + 1n);
    return { commit: this.#commit(after + 1n, { changes: [], receipts: [], lost: this.#allLost() }), last: after + 1n };
  }

  #pages(after: bigint, tail: bigint): Found | null {
    const found: Found = { changes: [], receipts: [], lost: [] };
    const width = this.#width;
    const sql = `SELECT seq, tbl, op, ${list(width, (at) => `o${at}`)}, ${list(width, (at) => `n${at}`)} FROM _rowcast_journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${PAGE}`;
    let bytes = 0;
    for (let from = after; from < tail;) {
      const rows = this.#connection.all(sql, from, tail);
      for (const row of rows) {
        this.#take(row, found);
        bytes += sizeOf(row);
      }
      if (bytes > BYTES) return null;
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) break;
      from = last[0] as bigint;
    }
    return found;
  }

  #take(row: readonly LogValue[], found: Found): void {
    const [, layout, op] = row as unknown as readonly [bigint, bigint | null, string];
    const olds = 3;
    const news = 3 + this.#width;
    if (op === 'R') return void found.receipts.push(receiptOf(row.slice(olds, olds + 3)));
    const reading = layout === null ? undefined : this.#reading(Number(layout));
    if (reading === undefined) return void found.lost.push(...this.#allLost());
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
      `SELECT o0, o1, o2 FROM _rowcast_journal WHERE seq > ? AND seq <= ? AND op = 'R' ORDER BY seq DESC LIMIT ${ROWS}`,
      after,
      tail,
    );
    const tables = new Set(
      touched.flatMap(([id]) => (id === null ? this.#joined.map(({ table }) => table) : [this.#reading(Number(id))?.table])),
    );
    const lost = [...tables].flatMap((table): Loss[] => (table ? [{ table, reason: 'source' }] : []));
    return { changes: [], receipts: receipts.toReversed().map(receiptOf), lost };
  }

  #allLost(): Loss[] {
    return this.#joined.map(({ table }) => ({ table, reason: 'source' }));
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

  #layoutOf(table: Table): Layout {
    const found = this.#layouts.findLast((layout) => layout.table === table.id && this.#reading(layout.id)?.blind === false);
    if (!found) throw new Error(`no layout for ${table.id}`);
    return found;
  }

  #number(sql: string): bigint {
    return this.#connection.all(sql)[0]?.[0] as bigint;
  }
}

interface Found {
  readonly changes: Change[];
  readonly receipts: Receipt[];
  readonly lost: Loss[];
}

function readingOf(layout: Layout, { table, affinities }: Joined): Reading {
  const at = new Map(layout.columns.map((column, index) => [column.toLowerCase(), index]));
  const places = table.columns.map(({ column }, place) => (affinities[place] ? (at.get(column.toLowerCase()) ?? -1) : -1));
  const blind = places.some((found, place) => found < 0 && (affinities[place] || table.key.includes(place)));
  return { table, places, blind };
}

function imageOf(row: readonly LogValue[], from: number, { places }: Reading): Image {
  return places.map((at) => (at < 0 ? UNREADABLE : (row[from + at] ?? null)));
}

function receiptOf([client, write, answer]: readonly LogValue[]): Receipt {
  const plain = { client: client as string, write: Number(write) };
  return answer === null || answer === undefined ? plain : { ...plain, answer: JSON.parse(answer as string) as Answer };
}

function sizeOf(row: readonly LogValue[]): number {
  let size = 0;
  for (const value of row) {
    if (typeof value === 'string') size += 2 * value.length;
    else if (value instanceof Uint8Array) size += value.byteLength;
    else size += 8;
  }
  return size;
}
