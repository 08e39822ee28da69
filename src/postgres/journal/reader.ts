import {
  positionOf,
  type Change,
  type Commit,
  type Log,
  type Loss,
  type Position,
  type Receipt,
  type ResetReason,
} from '../../core/index.ts';
import type { TransactionBounds } from '../log/bounds.ts';
import { rowReader, type ReadRow } from './image.ts';
import { JOURNAL, OP, TICK } from './setup.ts';
import { spanParams, spansBetween, type Span } from './spans.ts';
import { isFollowed, lossBetween, storesOf, type Standing } from './standing.ts';
import type { Tick, Ticks } from './ticks.ts';
import { publishedChanges } from '../tables/publish.ts';
import { parseRecordText } from '../values/record-text.ts';
import type { RawRow, Sessions } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

export interface ReaderParts {
  readonly sessions: Sessions;
  readonly ticks: Ticks;
  readonly tables: readonly PgTable[];
  readonly bounds: TransactionBounds;
  readonly log: Log;
}

/** Rows, and bytes, that are read at once; a transaction is whole however many it has. */
const PAGE_ROWS = 2_000;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Transactions between two ticks: over that, nobody followed for long, and all is read anew. */
const TRANSACTIONS = 100_000;

/** Bits of a position that say which commit of its batch it is. */
const BITS = 24n;
const MASK = (1n << BITS) - 1n;

/** The place `index` of the tick's batch: 0 is what is said of the batch as a whole, its transactions follow. */
export function positionIn({ n }: Pick<Tick, 'n'>, index: number): Position {
  return positionOf((n << BITS) | BigInt(index));
}

/** After everything that the tick's batch has. */
export function endOf({ n }: Pick<Tick, 'n'>): Position {
  return positionOf((n << BITS) | MASK);
}

export function placeOf(position: bigint): { readonly n: bigint; readonly isEnd: boolean } {
  return { n: position >> BITS, isEnd: (position & MASK) === MASK };
}

/** The batch was let go of while it was read. */
export class Trimmed extends Error {}

/** One transaction of a batch, before its rows are read. */
interface Content {
  readonly xid: bigint;
  readonly index: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Two ticks that follow one another. */
export interface Batch {
  readonly before: Tick;
  readonly tick: Tick;
}

/**
 * What became visible from one tick to the next, as commits: the same ones at the same positions, whoever reads it and however often.
 *
 * Each is one transaction; they stand in the order of their last rows. A row is written once at a time, so two transactions that wrote the
 * same one are in the order they did, and so is who wrote after it saw the other.
 */
export class BatchReader {
  readonly #parts: ReaderParts;
  #reading: { readonly batch: string; readonly rows: Reading } | null = null;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Those after a position, in portions. @throws {Trimmed} when it is not all there any more. */
  async *commits(batch: Batch, after: Position): AsyncGenerator<readonly Commit[]> {
    const { before, tick } = batch;
    const spans = spansBetween(before.snapshot, tick.snapshot);
    const [reading, contents] = await Promise.all([this.#readingOf(batch), this.#contents(batch, spans)]);
    if (contents.length > TRANSACTIONS) {
      if (positionIn(tick, 0) > after) yield [await this.#bulk(batch, spans)];
      return;
    }
    if (reading.lost.size > 0 && positionIn(tick, 0) > after) {
      yield [{ position: positionIn(tick, 0), xid: tick.xid, receipts: [], changes: [], lost: losses(reading.lost) }];
    }
    const ahead = contents.filter(({ index }) => positionIn(tick, index) > after);
    for (const portion of portions(ahead, this.#parts.bounds)) {
      const commits = await this.#read(batch, portion, reading);
      if (commits.length > 0) yield commits;
    }
  }

  /** Whether a batch begins or ends with a table not being followed. */
  async unfollowed({ tick }: Batch): Promise<readonly PgTable[]> {
    const standing = await this.#parts.ticks.standing(tick.print);
    return this.#parts.tables.filter((table) => !isFollowed(table, standing));
  }

  async #readingOf({ before, tick }: Batch): Promise<Reading> {
    const batch = `${before.print} ${tick.print}`;
    if (this.#reading?.batch === batch) return this.#reading.rows;
    const { ticks, tables } = this.#parts;
    const rows = new Reading(tables, await ticks.standing(before.print), await ticks.standing(tick.print));
    this.#reading = { batch, rows };
    return rows;
  }

  async #contents({ before }: Batch, spans: readonly Span[]): Promise<readonly Content[]> {
    const rows = await this.#parts.sessions.query(
      `SELECT here.kept, found.* FROM (SELECT EXISTS (SELECT FROM ${TICK} WHERE n = $3) AS kept) here LEFT JOIN (
         SELECT xid, count(*) AS rows, sum(coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0)) AS bytes, max(seq) AS last
         FROM unnest($1::xid8[], $2::xid8[]) span (lo, hi) JOIN ${JOURNAL} ON xid BETWEEN lo AND hi GROUP BY xid ORDER BY last LIMIT ${TRANSACTIONS + 1}
       ) found ON true ORDER BY found.last`,
      [...spanParams(spans), before.n],
    );
    return kept(rows).map(([, xid, count, bytes], at) => ({
      xid: BigInt(xid ?? 0),
      index: at + 1,
      rows: Number(count),
      bytes: Number(bytes),
    }));
  }

  async #read(batch: Batch, portion: readonly Content[], reading: Reading): Promise<readonly Commit[]> {
    const [first] = portion;
    if (first && isOver(first, this.#parts.bounds)) return [await this.#tooLarge(batch, first)];
    const rows = kept(
      await this.#parts.sessions.query(
        `SELECT here.kept, xid, rel, op, before, after FROM (SELECT EXISTS (SELECT FROM ${TICK} WHERE n = $2) AS kept) here
         LEFT JOIN ${JOURNAL} ON xid = ANY ($1::xid8[]) ORDER BY xid, seq`,
        [portion.map(({ xid }) => xid), batch.before.n],
      ),
    );
    const byXid = new Map<string, RawRow[]>();
    for (const row of rows) {
      const same = byXid.get(row[1] ?? '');
      if (same) same.push(row);
      else byXid.set(row[1] ?? '', [row]);
    }
    return portion.flatMap(({ xid, index }) => {
      const told = reading.told(byXid.get(xid.toString()) ?? []);
      const { receipts, changes, lost } = told;
      if (receipts.length === 0 && changes.length === 0 && lost.length === 0) return [];
      return [{ position: positionIn(batch.tick, index), xid, receipts, changes, lost }];
    });
  }

  /** A transaction that is not kept in memory: which tables it touched, and whose write it was. */
  async #tooLarge({ before, tick }: Batch, { xid, index }: Content): Promise<Commit> {
    const rows = kept(
      await this.#parts.sessions.query(
        `SELECT here.kept, found.* FROM (SELECT EXISTS (SELECT FROM ${TICK} WHERE n = $2) AS kept) here
         LEFT JOIN (SELECT DISTINCT xid, rel, op, CASE WHEN op = $3 THEN after END FROM ${JOURNAL} WHERE xid = $1) found ON true`,
        [xid, before.n, OP.receipt],
      ),
    );
    const standings = await Promise.all([before, tick].map(({ print }) => this.#parts.ticks.standing(print)));
    const rels = new Set(rows.map(([, , rel]) => Number(rel)));
    const published = rows.some(([, , , op]) => op === OP.publish);
    const lost = this.#parts.tables.filter(
      (table) => published || standings.some((standing) => storesOf(table, standing).some(({ rel }) => rels.has(rel))),
    );
    const receipts = rows.flatMap(([, , , op, text]) => (op === OP.receipt ? [receiptOf(text ?? null)] : []));
    return { position: positionIn(tick, index), xid, receipts, changes: [], lost: lost.map((table) => ({ table, reason: 'bulk' })) };
  }

  async #bulk({ before, tick }: Batch, spans: readonly Span[]): Promise<Commit> {
    const rows = kept(
      await this.#parts.sessions.query(
        `SELECT here.kept, xid, after FROM (SELECT EXISTS (SELECT FROM ${TICK} WHERE n = $3) AS kept) here LEFT JOIN (
           unnest($1::xid8[], $2::xid8[]) span (lo, hi) JOIN ${JOURNAL} ON xid BETWEEN lo AND hi AND op = $4) ON true ORDER BY seq`,
        [...spanParams(spans), before.n, OP.receipt],
      ),
    );
    const lost = this.#parts.tables.map((table): Loss => ({ table, reason: 'bulk' }));
    return { position: positionIn(tick, 0), xid: tick.xid, receipts: rows.map(([, , text]) => receiptOf(text ?? null)), changes: [], lost };
  }
}

/** How the rows of one batch are read. */
class Reading {
  readonly lost: ReadonlyMap<PgTable, ResetReason>;
  readonly #tables: readonly PgTable[];
  readonly #readers = new Map<number, { readonly table: PgTable; readonly read: ReadRow }[]>();

  constructor(tables: readonly PgTable[], before: Standing, after: Standing) {
    this.#tables = tables;
    const lost = new Map<PgTable, ResetReason>();
    for (const table of tables) {
      const reason = lossBetween(table, before, after);
      if (reason !== null) lost.set(table, reason);
      const root = [before, after].map((standing) => standing.find(({ rel }) => rel === table.relation.oid));
      // A partition that came between the two had the columns of its table, if those stayed as they were.
      const isSteady = root[0] && root[1] && root[0].attributes.every(({ version }, at) => version === root[1]?.attributes[at]?.version);
      const were = new Map(storesOf(table, before).map((store) => [store.rel, store]));
      for (const store of storesOf(table, after)) {
        const was = were.get(store.rel) ?? (isSteady ? store : undefined);
        const read: ReadRow = was && reason === null ? rowReader(table, was, store) : () => null;
        this.#readers.set(store.rel, [...(this.#readers.get(store.rel) ?? []), { table, read }]);
      }
    }
    this.lost = lost;
  }

  told(rows: readonly RawRow[]): {
    readonly changes: readonly Change[];
    readonly receipts: readonly Receipt[];
    readonly lost: readonly Loss[];
  } {
    const changes: Change[] = [];
    const receipts: Receipt[] = [];
    const lost = new Map<PgTable, ResetReason>();
    for (const [, , rel, op, before = null, after = null] of rows) {
      if (op === OP.receipt) receipts.push(receiptOf(after));
      else if (op === OP.publish) changes.push(...publishedChanges(after ?? '', this.#tables));
      else for (const reader of this.#readers.get(Number(rel)) ?? []) this.#row({ op, before, after }, reader, { changes, lost });
    }
    const isTold = (table: PgTable): boolean => !lost.has(table) && !this.lost.has(table);
    return { receipts, changes: changes.filter(({ table }) => isTold(table as PgTable)), lost: losses(lost) };
  }

  #row(
    { op, before, after }: { readonly op: string | null | undefined; readonly before: string | null; readonly after: string | null },
    { table, read }: { readonly table: PgTable; readonly read: ReadRow },
    told: { readonly changes: Change[]; readonly lost: Map<PgTable, ResetReason> },
  ): void {
    if (this.lost.has(table)) return; // said of the whole batch
    if (op === OP.truncate) return void told.lost.set(table, 'truncate');
    const [old, now] = [before, after].map((text) => (text === null ? null : (read(parseRecordText(text)) ?? 'unreadable')));
    if (old === 'unreadable' || now === 'unreadable') told.lost.set(table, 'schema');
    else told.changes.push({ table, before: old ?? null, after: now ?? null });
  }
}

/** Rows of a query that says first whether the batch is kept, and has one empty row where it finds nothing. */
function kept(rows: readonly RawRow[]): readonly RawRow[] {
  if (rows[0]?.[0] !== 't') throw new Trimmed();
  return rows.filter(([, xid]) => xid !== null);
}

function isOver({ rows, bytes }: Content, bounds: TransactionBounds): boolean {
  return rows > bounds.rows || bytes > bounds.bytes;
}

function portions(contents: readonly Content[], bounds: TransactionBounds): readonly (readonly Content[])[] {
  const all: Content[][] = [];
  let [rows, bytes] = [Infinity, 0];
  for (const content of contents) {
    const isLarge = isOver(content, bounds);
    if (isLarge || rows + content.rows > PAGE_ROWS || bytes + content.bytes > PAGE_BYTES) {
      all.push([]);
      [rows, bytes] = [0, 0];
    }
    all.at(-1)?.push(content);
    rows += isLarge ? Infinity : content.rows;
    bytes += content.bytes;
  }
  return all;
}

function receiptOf(text: string | null): Receipt {
  return JSON.parse(text ?? '') as Receipt;
}

function losses(lost: ReadonlyMap<PgTable, ResetReason>): readonly Loss[] {
  return [...lost].map(([table, reason]) => ({ table, reason }));
}
