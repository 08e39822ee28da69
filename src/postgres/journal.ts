import {
  numberOf,
  ORIGIN,
  positionOf,
  type ChangeSource,
  type Commit,
  type Log,
  type Position,
  type Published,
  type Receipt,
} from '../core/index.ts';
import { JournalReader, type Told } from './journal-reader.ts';
import { JOURNAL, OP, untold } from './journal-setup.ts';
import { publishedText } from './publish.ts';
import { META } from './setup.ts';
import { sqlState, type RawRow, type Sessions, type Sql } from './sql.ts';
import type { PgTable } from './tables.ts';

export interface JournalParts {
  readonly sessions: Sessions;
  readonly tables: readonly PgTable[];
  readonly epoch: string;
  readonly log: Log;
  /** Calls back whenever something was committed to the journal, soon; the journal looks by itself too. Returns the way to stop. */
  readonly listen: (wake: () => void) => Promise<() => Promise<void>>;
}

/** Rows of the journal read at once; a transaction is whole however many it has. */
const PAGE = 2_000;
/** A look without being called: what a notification missed is found by then. */
const LOOK_MS = 1_000;
/** Rows let go of before the journal is trimmed: a delete for each commit would cost as much as the commit. */
const TRIM_EVERY = 500n;
/** Looks between two checks that the triggers are still there. */
const CHECK_EVERY = 30;

const FORGOTTEN = 'journal_forgotten';

/**
 * Changes written down by triggers, read as commits: core's change source where there is no log to read.
 *
 * A number given when a row is written says nothing about when it is committed. So what is new is not "numbers above the last one" but the
 * difference of two snapshots: what is visible now and was not at the last look. A commit is one transaction; its position is the number of
 * its last row.
 */
export class Journal implements ChangeSource {
  readonly epoch: string;
  readonly #parts: JournalParts;
  #acknowledged: Position = ORIGIN;
  #trimmed: Position = ORIGIN;
  #trimming = false;

  constructor(parts: JournalParts) {
    this.epoch = parts.epoch;
    this.#parts = parts;
  }

  async tail(): Promise<Position> {
    const [row] = await this.#parts.sessions.query(
      `SELECT greatest((SELECT max(seq) FROM ${JOURNAL} WHERE pg_visible_in_snapshot(xid, (${SNAPSHOT}))), (${FORGOTTEN_SQL}), 0)`,
    );
    return positionOf(BigInt(row?.[0] ?? 0));
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    const waker = new Waker();
    const abort = (): void => waker.wake();
    signal.addEventListener('abort', abort, { once: true });
    const unlisten = await this.#parts.listen(() => waker.wake());
    try {
      const reader = await JournalReader.open(this.#parts.sessions, this.#parts.tables);
      const unfollowed = new Set<PgTable>();
      let last = after;
      let look: Look = { from: numberOf(last), since: null, upto: null, at: null };
      for (let looks = 0; !signal.aborted; looks++) {
        if (looks % CHECK_EVERY === 0) await this.#check(unfollowed);
        const page = await this.#page(look);
        if (page) {
          const commits: Commit[] = [];
          if (page.forgotten > last) {
            // Rows that were not read are gone: the reader was away too long, or another one of this database let go of them.
            last = page.forgotten;
            const lost = this.#parts.tables.map((table) => ({ table, reason: 'source' as const }));
            commits.push({ position: last, xid: null, receipts: [], changes: [], lost });
          }
          for (const transaction of page.transactions) {
            const commit = await commitOf(transaction, reader, last);
            if (!commit) continue;
            last = commit.position;
            commits.push(commit);
          }
          look = page.next;
          if (commits.length > 0) yield commits;
          if (look.at) continue;
        }
        if (!signal.aborted) await waker.sleep();
      }
    } finally {
      signal.removeEventListener('abort', abort);
      waker.wake();
      await unlisten();
    }
  }

  acknowledge(position: Position): void {
    if (position <= this.#acknowledged) return;
    this.#acknowledged = position;
    if (!this.#trimming && numberOf(position) - numberOf(this.#trimmed) >= TRIM_EVERY) void this.trim();
  }

  async mark(receipt: Receipt): Promise<void> {
    await leaveInJournal(this.#parts.sessions, receipt);
  }

  async publish(changes: readonly Published[], receipt: Receipt): Promise<void> {
    await this.#parts.sessions.transaction(async (tx) => {
      const text = await publishedText(tx, changes);
      await tx.query(`INSERT INTO ${JOURNAL} (op, after) VALUES ($1, $2)`, [OP.publish, text]);
      await leaveInJournal(tx, receipt);
    });
  }

  /** Null when nothing can be said now: the app has a failed transaction open on the only connection there is. */
  async #page(look: Look): Promise<Page | null> {
    let rows: readonly RawRow[];
    try {
      rows = await this.#parts.sessions.query(...pageQuery(look));
    } catch (error) {
      if (sqlState(error) === '25P02') return null;
      throw error;
    }
    const upto = rows[0]?.[0] ?? look.upto;
    const forgotten = positionOf(BigInt(rows[0]?.[8] ?? 0));
    const found = rows.filter((row) => row[1] !== null);
    const transactions = new Map<string, RawRow[]>();
    for (const row of found) {
      const xid = row[3] ?? '';
      const same = transactions.get(xid);
      if (same) same.push(row);
      else transactions.set(xid, [row]);
    }
    const end = found.at(-1);
    if (found.length < PAGE || !end)
      return { forgotten, transactions: [...transactions.values()], next: { ...look, since: upto, upto: null, at: null } };
    // The last one may go on: it is read whole.
    const whole = await this.#parts.sessions.query(
      `SELECT '', seq, seq, xid, rel, op, before, after FROM ${JOURNAL} WHERE xid = $1 ORDER BY seq`,
      [end[3]],
    );
    transactions.set(end[3] ?? '', [...whole]);
    return { forgotten, transactions: [...transactions.values()], next: { ...look, upto, at: end[2] ?? null } };
  }

  /** A table made anew has no triggers: its viewers are told so by the journal itself, and the people who run it by the log, once. */
  async #check(known: Set<PgTable>): Promise<void> {
    for (const table of await untold(this.#parts.sessions, this.#parts.tables)) {
      if (known.has(table)) continue;
      known.add(table);
      await this.#parts.sessions.query(`INSERT INTO ${JOURNAL} (rel, op) VALUES ($1, $2)`, [table.relation.oid, OP.gap]);
      this.#parts.log.error({ table: table.id }, 'the triggers of a bound table are gone or switched off; restart to set them up again');
    }
  }

  /** Deletes what was acknowledged. Never throws: what is left is deleted another time. */
  async trim(): Promise<void> {
    const upto = this.#acknowledged;
    if (upto <= this.#trimmed) return;
    this.#trimming = true;
    try {
      await this.#parts.sessions.transaction(async (tx) => {
        const number = numberOf(upto).toString();
        await tx.query(`DELETE FROM ${JOURNAL} WHERE seq <= $1`, [number]);
        // Whoever starts before what was deleted must be told: how far that is stays behind.
        await tx.query(
          `INSERT INTO ${META} (key, value) VALUES ('${FORGOTTEN}', $1)
           ON CONFLICT (key) DO UPDATE SET value = greatest(excluded.value::bigint, ${META}.value::bigint)::text`,
          [number],
        );
      });
      this.#trimmed = upto;
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'the journal could not be trimmed; it is tried again after the next commits');
    } finally {
      this.#trimming = false;
    }
  }
}

async function commitOf(rows: readonly RawRow[], reader: JournalReader, last: Position): Promise<Commit | null> {
  const told: Told = { changes: [], receipts: [], lost: new Map() };
  for (const [, seq, , , rel, op, before, after] of rows) {
    const row = { seq: BigInt(seq ?? 0), rel: Number(rel), op: op ?? '', before: before ?? null, after: after ?? null };
    await reader.read(row, told);
  }
  const lost = [...told.lost].map(([table, reason]) => ({ table, reason }));
  const changes = told.changes.filter(({ table }) => !told.lost.has(table as PgTable));
  if (changes.length === 0 && told.receipts.length === 0 && lost.length === 0) return null;
  const highest = positionOf(BigInt(rows.at(-1)?.[1] ?? 0));
  // With one connection numbers rise with commits. With several, one that took longer is told behind those it was overtaken by.
  const position = highest > last ? highest : positionOf(numberOf(last) + 1n);
  return { position, xid: BigInt(rows[0]?.[3] ?? 0), receipts: told.receipts, changes, lost };
}

/** Leaves a receipt in the journal, inside the transaction when given one. */
export async function leaveInJournal(sql: Sql, receipt: Receipt): Promise<void> {
  await sql.query(
    `WITH left_behind AS (INSERT INTO ${JOURNAL} (op, after) VALUES ($1, $2) RETURNING 1) SELECT pg_notify('rowcast', '') FROM left_behind`,
    [OP.receipt, JSON.stringify(receipt)],
  );
}

const FORGOTTEN_SQL = `SELECT value::bigint FROM ${META} WHERE key = '${FORGOTTEN}'`;

/**
 * What has been committed by now. A snapshot does not list the transaction it is taken in, and counts it as done once a savepoint of it was
 * rolled back: on a connection that is shared with the app that is the app's own open transaction, so it is added.
 */
const SNAPSHOT = `SELECT CASE WHEN own < pg_snapshot_xmax(cur) THEN concat_ws(':', least(pg_snapshot_xmin(cur), own), pg_snapshot_xmax(cur),
    (SELECT string_agg(xip::text, ',' ORDER BY xip) FROM (SELECT pg_snapshot_xip(cur) UNION SELECT own) open (xip)))::pg_snapshot ELSE cur END
  FROM (SELECT pg_current_snapshot(), pg_current_xact_id_if_assigned()) here (cur, own)`;

/** Where the reader stands: everything visible in `since` has been read, or at the start everything up to the number `from`. */
interface Look {
  readonly from: bigint;
  readonly since: string | null;
  /** Between two pages of one look: the snapshot it is of, and the last number of the last transaction read. */
  readonly upto: string | null;
  readonly at: string | null;
}

interface Page {
  /** Everything up to here was let go of. */
  readonly forgotten: Position;
  readonly transactions: readonly (readonly RawRow[])[];
  readonly next: Look;
}

/** Two index scans, joined: one OR over both would read the whole journal while a long transaction is open. */
function pageQuery({ from, since, upto, at }: Look): [text: string, params: readonly unknown[]] {
  const news =
    since === null
      ? `SELECT * FROM ${JOURNAL} WHERE seq > $3`
      : `SELECT * FROM ${JOURNAL} WHERE xid >= pg_snapshot_xmax($3::pg_snapshot)
         UNION ALL SELECT * FROM ${JOURNAL} WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($3::pg_snapshot)))`;
  return [
    `WITH now AS MATERIALIZED (SELECT coalesce($1::pg_snapshot, (${SNAPSHOT})) AS snapshot)
     SELECT now.snapshot, seq, last, xid, rel, op, before, after, (${FORGOTTEN_SQL}) FROM now LEFT JOIN LATERAL (
       SELECT *, max(seq) OVER (PARTITION BY xid) AS last FROM (${news}) news WHERE pg_visible_in_snapshot(xid, now.snapshot)
     ) visible ON last > $2 ORDER BY last, seq LIMIT ${PAGE}`,
    [upto, at ?? '0', since ?? from.toString()],
  ];
}

/** Sleeps until it is woken, or for a while. A call while it is awake counts for the next sleep. */
class Waker {
  #woken = false;
  #resolve: (() => void) | null = null;

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  async sleep(): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resolve = null;
    }
    this.#woken = false;
  }
}
