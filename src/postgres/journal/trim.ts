import type { Log } from '../../core/index.ts';
import { JOURNAL, STANDING, SWEPT, TICK } from './setup.ts';
import { snapshotOf, spanParams, spansBetween } from './spans.ts';
import { META } from '../setup/bookkeeping.ts';
import type { Sessions, Sql } from '../connection/sql.ts';

/** What is kept after it was told, so that a process that starts can tell it again: the older of the two. */
export interface Kept {
  readonly rows: number;
  readonly seconds: number;
}

export const KEPT: Kept = { rows: 100_000, seconds: 600 };

/** Rows deleted at a stroke: nobody waits for long behind it, and no log entry is large. */
const CHUNK = 5_000;

export interface TrimParts {
  readonly sessions: Sessions;
  readonly kept: Kept;
  readonly log: Log;
}

/**
 * Lets go of ticks below a number that are over the bounds, and then of the rows that were told by them. In this order: who reads a batch looks,
 * in the same statement, whether its ticks are still there. Processes take turns; one that ends halfway is gone on for by the next. Never
 * rejects: what is left is deleted another time.
 */
export async function trim({ sessions, kept, log }: TrimParts, below: bigint): Promise<void> {
  try {
    const from = await sessions.transaction(async (tx) => {
      if (!(await isMyTurn(tx))) return null;
      await tx.query(FORGET, [below, kept.rows, kept.seconds]);
      await tx.query(`DELETE FROM ${STANDING} s WHERE NOT EXISTS (SELECT FROM ${TICK} WHERE print = s.print)`);
      const [row] = await tx.query(
        `SELECT value, (SELECT snapshot FROM ${TICK} ORDER BY n LIMIT 1), (SELECT n FROM ${TICK} ORDER BY n LIMIT 1) FROM ${META} WHERE key = $1`,
        [SWEPT],
      );
      return row ?? null;
    });
    const [swept, oldest] = from ?? [];
    if (swept == null || oldest == null) return;
    const spans = spansBetween(snapshotOf(swept), snapshotOf(oldest));
    if (spans.length === 0) return;
    for (let deleted = CHUNK; deleted === CHUNK;) {
      deleted = await sessions.transaction(async (tx) => {
        if (!(await isMyTurn(tx))) return -1;
        const [row] = await tx.query(SWEEP, spanParams(spans));
        const count = Number(row?.[0]);
        if (count < CHUNK) await tx.query(`UPDATE ${META} SET value = $2 WHERE key = $1 AND value = $3`, [SWEPT, oldest, swept]);
        return count;
      });
    }
  } catch (error) {
    log.warn({ err: error }, 'the journal could not be trimmed; it is tried again after the next commits');
  }
}

async function isMyTurn(tx: Sql): Promise<boolean> {
  const [row] = await tx.query(`SELECT pg_try_advisory_xact_lock(hashtextextended('rowcast trim', 0))`);
  return row?.[0] === 't';
}

// The last tick before those to keep stays: the first batch that is kept begins with it.
const FORGET = `DELETE FROM ${TICK} WHERE n < (
  SELECT max(n) FROM ${TICK} WHERE n <= $1::bigint
    AND (rows <= (SELECT rows FROM ${TICK} ORDER BY n DESC LIMIT 1) - $2::bigint OR at <= now() - make_interval(secs => $3::float8)))`;

const SWEEP = `WITH swept AS (DELETE FROM ${JOURNAL} WHERE ctid = ANY (ARRAY(
    SELECT j.ctid FROM unnest($1::xid8[], $2::xid8[]) span (lo, hi) JOIN ${JOURNAL} j ON j.xid BETWEEN lo AND hi LIMIT ${CHUNK}
  )) RETURNING 1)
  SELECT count(*) FROM swept`;
