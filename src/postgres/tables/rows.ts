import {
  positionOf,
  RowcastError,
  type Clock,
  type Image,
  type Position,
  type ReadOptions,
  type Reading,
  type RowPage,
  type Rows,
  type Selection,
  type Snapshot,
  type Table,
} from '../../core/index.ts';
import type { Shape } from './catalog.ts';
import { selectionSql, type Where } from './selection.ts';
import { visibleIn } from './snapshot.ts';
import { identifier, type RawRow, type Sessions, type Sql } from '../connection/sql.ts';
import { imageReader, type PgColumn, type PgTable } from './tables.ts';

export interface RowsParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /**
   * The place in the log that everything shown is at or before: an expression for it, as a number, where that is the statement's in which it
   * stands; or a call that gives it for everything shown by then.
   */
  readonly until: string | (() => Promise<Position>);
}

/** Everything that is shown wrote the end of its transaction into the log before it could be seen, and the expression is evaluated after that. */
export const LOG_UNTIL = `pg_current_wal_insert_lsn() - '0/0'::pg_lsn`;

const PAGE = 1_000;
/** The first page says how large rows are; the others are made as large as that allows. */
const FIRST_PAGE = 250;
const PAGE_BYTES = 2 * 1024 * 1024;
/** A table's lock and an old snapshot cost the app: nobody keeps them for longer than 20 s without asking for more. */
const IDLE_MS = 20_000;

/** Core's rows over Postgres: its contract is in `core/ports/rows.ts`. */
export class PgRows implements Rows {
  readonly #parts: RowsParts;

  constructor(parts: RowsParts) {
    this.#parts = parts;
  }

  async read(table: Table, selection: Selection, { page = PAGE, signal }: ReadOptions): Promise<Reading> {
    signal.throwIfAborted();
    const pg = table as PgTable;
    const { sessions, until } = this.#parts;
    if (sessions.lasting) return this.#open(pg, selection, { page, signal });
    const { snapshot, images } = await sessions.moment(pg.sql, async (sql) => {
      const query = await RowQuery.of(sql, pg, { selection, until });
      return { snapshot: query.snapshot, images: (await query.rows(null, null)).map(query.image) };
    });
    return { snapshot: await this.#placed(snapshot), pages: paged(images, page, signal) };
  }

  /** A moment that is kept open until the pages have been read, or nobody wants them any more. */
  async #open(table: PgTable, selection: Selection, { page, signal }: Required<ReadOptions>): Promise<Reading> {
    const { sessions, until, clock } = this.#parts;
    const opened = deferred<Reading>();
    const hold = new Hold(clock, signal);
    const running = sessions.moment(table.sql, async (sql) => {
      const query = await hold.unless(RowQuery.of(sql, table, { selection, until }));
      opened.resolve({ snapshot: await hold.unless(this.#placed(query.snapshot)), pages: read(query, page, hold) });
      await hold.released;
    });
    void running.catch(opened.reject).then(hold.end);
    return hold.unless(opened.promise);
  }

  async #placed(snapshot: Snapshot): Promise<Snapshot> {
    const { until } = this.#parts;
    return typeof until === 'string' ? snapshot : { ...snapshot, until: await until() };
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...(settle as unknown as Omit<Deferred<T>, 'promise'>) };
}

/** Keeps a moment open: until it is let go of, aborted, or not used for long. */
class Hold {
  readonly released: Promise<void>;
  readonly end: () => void;
  readonly #clock: Clock;
  readonly #over: Promise<never>;
  readonly #fail: (error: unknown) => void;
  #idle: { cancel(): void } | null = null;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    const over = deferred<never>();
    over.promise.catch(() => undefined);
    this.#over = over.promise;
    const { promise, resolve } = deferred<void>();
    this.released = promise;
    const abort = (): void => this.#fail(signal.reason);
    this.#fail = (error) => {
      over.reject(error);
      this.end();
    };
    this.end = () => {
      signal.removeEventListener('abort', abort);
      this.#idle?.cancel();
      over.reject(new RowcastError('closed', 'the reading has ended'));
      resolve();
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else this.used();
  }

  used(): void {
    this.#idle?.cancel();
    const late = (): void => this.#fail(new RowcastError('source_lost', 'the rows were not asked for for too long; read them again'));
    this.#idle = this.#clock.after(IDLE_MS, late);
  }

  unless<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.#over, work]);
  }
}

async function* read(query: RowQuery, page: number, hold: Hold): AsyncGenerator<RowPage> {
  try {
    let [limit, count, total]: [number, number, number | null] = [Math.min(page, FIRST_PAGE), 0, null];
    for (let last: RawRow | null = null; ;) {
      const rows = await hold.unless(query.rows(last, limit));
      if (rows.length === 0) return;
      const isFirst = last === null;
      last = rows.at(-1) as RawRow;
      count += rows.length;
      if (isFirst) total = rows.length < limit ? rows.length : await hold.unless(query.count());
      const isLast = count === total;
      limit = Math.min(page, Math.max(1, Math.floor((rows.length * PAGE_BYTES) / sizeOf(rows))));
      hold.used();
      yield { rows: rows.map(query.image), total: isFirst || isLast ? total : null };
      if (isLast) return;
      hold.used();
    }
  } finally {
    hold.end();
  }
}

async function* paged(rows: readonly Image[], size: number, signal: AbortSignal): AsyncGenerator<RowPage> {
  for (let at = 0; at < rows.length; at += size) {
    signal.throwIfAborted();
    const isEdge = at === 0 || at + size >= rows.length;
    yield { rows: rows.slice(at, at + size), total: isEdge ? rows.length : null };
  }
}

function sizeOf(rows: readonly RawRow[]): number {
  let size = rows.length;
  for (const row of rows) for (const value of row) size += value?.length ?? 0;
  return size;
}

type Wanted = Pick<RowsParts, 'until'> & { readonly selection: Selection };

/** What is asked of one table in one moment. */
class RowQuery {
  readonly snapshot: Snapshot;
  readonly image: (row: RawRow) => Image;
  readonly #sql: Sql;
  readonly #table: PgTable;
  readonly #columns: string;
  readonly #key: string;
  readonly #where: Where;
  readonly #keyAt: readonly number[];

  private constructor(sql: Sql, table: PgTable, { snapshot, shape, where }: { snapshot: Snapshot; shape: Here; where: Where }) {
    this.snapshot = snapshot;
    this.#sql = sql;
    this.#table = table;
    this.#where = where;
    // Only what is there as the model says is asked for: a column that nobody lists may be gone.
    const columns = table.columns.filter(({ column, type }) => shape.attributes.some((each) => each.name === column && each.type === type));
    const attributes = columns.map(({ column, type }) => ({ name: column, type: type as number }));
    this.image = imageReader(table, { attributes }).image;
    this.#columns = columns.map(({ column }) => identifier(column)).join(', ');
    const key = table.key.map((place) => table.columns[place] as PgColumn);
    this.#key = key.map(({ column }) => identifier(column)).join(', ');
    this.#keyAt = key.map((column) => columns.indexOf(column));
  }

  static async of(sql: Sql, table: PgTable, { selection, until }: Wanted): Promise<RowQuery> {
    const place = typeof until === 'string' ? until : '0';
    // sql: a place is an expression of ours
    const [row] = await sql.query(
      `SELECT pg_current_snapshot(), ${place}, (SELECT coalesce(json_agg(json_build_object('name', attname, 'type', atttypid::int8)), '[]')
         FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped)`,
      [table.sql],
    );
    const [snapshot = '', position = '0', attributes = '[]'] = (row ?? []) as readonly string[];
    const shape: Here = { attributes: JSON.parse(attributes) as Shape['attributes'] };
    const { drifted } = imageReader(table, shape);
    if (drifted.length > 0) {
      throw new RowcastError(
        'schema_drift',
        `the table ${table.id} has no column ${drifted.map(({ column }) => `"${column}"`).join(', ')} as it was at the start; restart`,
      );
    }
    return new RowQuery(sql, table, {
      snapshot: { by: 'xid', until: positionOf(BigInt(position)), ...visibleIn(snapshot) },
      shape,
      where: selectionSql(table, selection),
    });
  }

  /** Those after a row of it, in the order of the key. */
  rows(after: RawRow | null, limit: number | null): Promise<readonly RawRow[]> {
    const { sql, params } = this.#where;
    const from = params.length;
    const beyond = after === null ? '' : ` AND (${this.#key}) > (${this.#keyAt.map((_, at) => `$${from + at + 1}`).join(', ')})`;
    const values = after === null ? params : [...params, ...this.#keyAt.map((at) => after[at])];
    const some = limit === null ? '' : ` LIMIT ${limit}`;
    // sql: columns, table and key as identifier() wrote them, conditions with places for their values, and a number of ours
    return this.#sql.query(`SELECT ${this.#columns} FROM ${this.#table.sql} WHERE (${sql})${beyond} ORDER BY ${this.#key}${some}`, values);
  }

  async count(): Promise<number> {
    const { sql, params } = this.#where;
    const [row] = await this.#sql.query(`SELECT count(*) FROM ${this.#table.sql} WHERE (${sql})`, params);
    return Number(row?.[0]);
  }
}

type Here = Pick<Shape, 'attributes'>;
