import { pause, RowcastError, type Clock } from '../../core/index.ts';
import { snapshotOf, spanParams, spansBetween, type PgSnapshot, type Span } from './spans.ts';
import { FOLLOWED, PRINT, TABLES, type Standing } from './standing.ts';
import { JOURNAL, STANDING, TICK } from './setup.ts';
import { sqlState, type RawRow, type Sessions, type Sql } from '../connection/sql.ts';

/** A moment of the database that was written down: what became visible from one to the next is told together. */
export interface Tick {
  readonly n: bigint;
  readonly snapshot: PgSnapshot;
  /** Rows of the journal told up to it, ever. */
  readonly rows: bigint;
  /** Names how the followed tables stood. */
  readonly print: string;
  /** The transaction that wrote it down: who sees that one sees all that the tick has. */
  readonly xid: bigint;
}

export interface TickParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** The history that the server is of, as an expression and its value at the start: after a failover it is another one. */
  readonly timeline: { readonly sql: string; readonly value: string };
}

/** Processes that look at the same time make no more ticks than this: one in 15 ms. */
const APART_MS = 15;
/** Between two tries where the database could not be asked. */
const AGAIN_MS = 50;
const PAGE = 200;
/** Who is always late looks again in a while. */
const TRIES = 3;

/**
 * The ticks of a database, shared by all processes that follow it: each looks, whoever finds news first writes the next one down, and all
 * read by those that are written down. A number given to a row says nothing about when it is committed; the difference of two snapshots does.
 *
 * The next tick has the snapshot of a statement that saw the last one committed, and takes the next number or fails: so every tick shows all
 * that the one before it shows.
 */
export class Ticks {
  readonly #parts: TickParts;
  readonly #standings = new Map<string, Standing>();
  /** Nothing was found since that tick up to this moment. */
  #seen: { readonly n: bigint; readonly snapshot: PgSnapshot } | null = null;

  constructor(parts: TickParts) {
    this.#parts = parts;
  }

  /**
   * The last tick. `eager`: when everything that was committed before the call is in it or before it; else it may be one that another process
   * made a moment ago. Null when nothing can be said now: the app has a transaction open on the only connection.
   *
   * @throws {RowcastError} `source_lost` when the server is another one, or was restored.
   */
  async reach({ eager = false }: { readonly eager?: boolean } = {}): Promise<Tick | null> {
    for (let tries = 0; tries < TRIES; tries++) {
      const look = await this.#look();
      if (!look) return null;
      const { last, snapshot, print } = look;
      const seen = this.#seen?.n === last.n ? this.#seen.snapshot : last.snapshot;
      const spans = spansBetween(seen, snapshot);
      if (spans.length === 0 && print === last.print) return last;
      if (!eager && look.age < APART_MS) return last;
      const made = await this.#make(look, spans);
      if (made === 'nothing') {
        this.#seen = { n: last.n, snapshot };
        return last;
      }
      if (made !== 'taken') return made;
    }
    return null;
  }

  /** Like {@link reach}, for as long as it takes. */
  async surely(signal?: AbortSignal): Promise<Tick> {
    for (;;) {
      signal?.throwIfAborted();
      const tick = await this.reach({ eager: true });
      if (tick) return tick;
      await pause(this.#parts.clock, AGAIN_MS, signal);
    }
  }

  /** The first ones from one number, without it, to another, in order. */
  async between(from: bigint, to: bigint): Promise<readonly Tick[]> {
    const query = `SELECT ${COLUMNS} FROM ${TICK} WHERE n > $1 AND n <= $2 ORDER BY n LIMIT ${PAGE}`;
    return (await this.#parts.sessions.query(query, [from, to])).map(tickOf);
  }

  /** The last ones up to a number, the latest first: two at most. */
  async upTo(n: bigint): Promise<readonly Tick[]> {
    return (await this.#parts.sessions.query(`SELECT ${COLUMNS} FROM ${TICK} WHERE n <= $1 ORDER BY n DESC LIMIT 2`, [n])).map(tickOf);
  }

  /**
   * The oldest that is kept; of those that have no more rows after them than given. Not the one of the setup: there were no triggers yet, and
   * nothing is told by it.
   */
  async oldest(rows: bigint | null = null): Promise<Tick> {
    const [row] = await this.#parts.sessions.query(
      `SELECT ${COLUMNS} FROM ${TICK} WHERE $1::bigint IS NULL OR rows >= (SELECT rows FROM ${TICK} ORDER BY n DESC LIMIT 1) - $1::bigint
       ORDER BY n = 1, n LIMIT 1`,
      [rows],
    );
    if (!row) throw gone();
    return tickOf(row);
  }

  /** Goes on beyond a number that this database never came to. */
  async beyond(n: bigint): Promise<Tick> {
    const { sessions } = this.#parts;
    for (;;) {
      const look = await this.#look();
      if (look && look.last.n > n) return look.last;
      if (look) {
        const [row] = await sessions.query(MAKE, [[], [], n + 1n, look.text, look.last.rows, look.print, true, look.tables]);
        if (row?.[1] != null) return tickOf(row.slice(1));
      }
    }
  }

  async standing(print: string): Promise<Standing> {
    const known = this.#standings.get(print);
    if (known) return known;
    const [row] = await this.#parts.sessions.query(`SELECT tables FROM ${STANDING} WHERE print = $1`, [print]);
    const standing = JSON.parse(row?.[0] ?? '[]') as Standing;
    if (this.#standings.size > 8) this.#standings.clear();
    this.#standings.set(print, standing);
    return standing;
  }

  /** Null when nothing can be said now: the app has a failed transaction open on the only connection there is. */
  async #look(): Promise<Look | null> {
    let row: RawRow | undefined;
    try {
      [row] = await this.#parts.sessions.repeated('rowcast look', LOOK(this.#parts.timeline.sql));
    } catch (error) {
      if (sqlState(error) === '25P02') return null;
      if (sqlState(error) === '42P01') throw gone(error);
      throw error;
    }
    const [text = '', timeline, print = '0', tables = null, age = null, ...last] = (row ?? []) as (string | null)[];
    if (!row || last[0] === null) throw gone();
    const look: Look = {
      text: text ?? '',
      snapshot: snapshotOf(text ?? ''),
      last: tickOf(last),
      print: print ?? '0',
      tables,
      age: Number(age),
    };
    if (timeline !== this.#parts.timeline.value || look.snapshot.xmax < look.last.snapshot.xmax) {
      throw new RowcastError('source_lost', 'this is another server, or one restored to another history; start this process again');
    }
    return look;
  }

  /** Null: not now. `taken`: another process, or the app's open transaction, has the number. */
  async #make({ last, text, print, tables }: Look, spans: readonly Span[]): Promise<Tick | 'nothing' | 'taken' | null> {
    const { sessions } = this.#parts;
    try {
      const altered = print !== last.print;
      const [row] = await sessions.query(MAKE, [...spanParams(spans), last.n + 1n, text, last.rows, print, altered, tables]);
      const [found, ...made] = row ?? [];
      if (made[0] == null) return found === '0' && !altered ? 'nothing' : 'taken';
      const tick = tickOf(made);
      return sessions.lasting || (await this.#isCommitted(tick)) ? tick : null;
    } catch (error) {
      // Another process is writing the same one and is slow, or the app's transaction has failed.
      if (sqlState(error) === '55P03' || sqlState(error) === '25P02') return null;
      throw error;
    }
  }

  /** On the only connection, the statement may have come into a transaction that the app has open. */
  async #isCommitted({ xid }: Tick): Promise<boolean> {
    const [row] = await this.#parts.sessions.query(`SELECT pg_xact_status($1::xid8)`, [xid]);
    return row?.[0] === 'committed';
  }
}

/** Another one after a standby took over, or after a backup was restored. */
export async function timelineOf(sql: Sql): Promise<TickParts['timeline']> {
  try {
    const [row] = await sql.query(`SELECT ${TIMELINE}`);
    return { sql: TIMELINE, value: row?.[0] ?? '' };
  } catch {
    return { sql: `''`, value: '' };
  }
}

const TIMELINE = `substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)`;

interface Look {
  readonly text: string;
  readonly snapshot: PgSnapshot;
  readonly last: Tick;
  readonly print: string;
  /** How the tables stand, where that is not written down yet. */
  readonly tables: string | null;
  /** Of the last tick, ms. */
  readonly age: number;
}

function gone(cause?: unknown): RowcastError {
  return new RowcastError('source_lost', 'the journal is gone, or was emptied by hand; start this process again', { cause });
}

const COLUMNS = 'n, snapshot, rows, print, xid';

function tickOf([n, snapshot, rows, print, xid]: RawRow): Tick {
  return { n: BigInt(n ?? 0), snapshot: snapshotOf(snapshot ?? ''), rows: BigInt(rows ?? 0), print: print ?? '0', xid: BigInt(xid ?? 0) };
}

/**
 * What has been committed by now. A snapshot does not list the transaction it is taken in, and counts it as done once a savepoint of it was
 * rolled back: on a connection that is shared with the app that is the app's own open transaction, so it is added.
 */
const SNAPSHOT = `(SELECT CASE WHEN own < pg_snapshot_xmax(cur) THEN concat_ws(':', least(pg_snapshot_xmin(cur), own), pg_snapshot_xmax(cur),
    (SELECT string_agg(xip::text, ',' ORDER BY xip) FROM (SELECT pg_snapshot_xip(cur) UNION SELECT own) open (xip)))::pg_snapshot ELSE cur END
  FROM (SELECT pg_current_snapshot(), pg_current_xact_id_if_assigned()) here (cur, own))`;

/** One statement, so that the snapshot, the last tick and how the tables stand are of one moment. */
const LOOK = (timeline: string): string => `WITH ${FOLLOWED}, print (print) AS MATERIALIZED (SELECT ${PRINT})
  SELECT ${SNAPSHOT}, ${timeline}, p.print,
    CASE WHEN p.print <> t.print AND NOT EXISTS (SELECT FROM ${STANDING} s WHERE s.print = p.print) THEN ${TABLES} END,
    extract(epoch FROM clock_timestamp() - t.at) * 1000, t.n, t.snapshot, t.rows, t.print, t.xid
  FROM print p LEFT JOIN (SELECT * FROM ${TICK} WHERE pg_visible_in_snapshot(xid, ${SNAPSHOT}) ORDER BY n DESC LIMIT 1) t ON true`;

/**
 * Durable before anybody is told what is in it, whatever the app does without, and not waited for by standbys that may be away: a position
 * that was told must not mean something else after a crash.
 */
const MAKE = `WITH news AS MATERIALIZED (
    SELECT count(*) AS rows FROM unnest($1::xid8[], $2::xid8[]) span (lo, hi) JOIN ${JOURNAL} ON xid BETWEEN lo AND hi
  ), known AS (
    INSERT INTO ${STANDING} (print, tables) SELECT $6, $8::json WHERE $8 IS NOT NULL ON CONFLICT DO NOTHING
  ), made AS (
    INSERT INTO ${TICK} (n, snapshot, rows, print) SELECT $3, $4::pg_snapshot, $5::bigint + news.rows, $6 FROM news
    WHERE set_config('synchronous_commit', 'local', true) IS NOT NULL AND (news.rows > 0 OR $7) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}
  )
  SELECT news.rows, made.* FROM news LEFT JOIN made ON true`;
