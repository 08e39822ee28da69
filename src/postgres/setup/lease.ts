import type { Lease } from '../../core/index.ts';
import { META } from './bookkeeping.ts';
import type { Sql } from '../connection/sql.ts';

/**
 * The lease as one note of the bookkeeping. Every call is one statement, which is a transaction of its own: whoever is frozen while it waits for
 * an answer holds nothing that the others wait for.
 */
export function postgresLease(sql: Sql): Lease {
  return {
    async take(holder, ms) {
      const [row] = await sql.query(TAKE, [holder, ms]);
      return row ? { term: Number(row[0]), wanted: row[1] === 't' } : null;
    },
    async want(holder, ms) {
      await sql.query(WANT, [holder, ms]);
    },
    async give(holder) {
      await sql.query(GIVE, [holder]);
    },
  };
}

const KEY = `'lease'`;
/** Milliseconds since 1970, by the server: after a wait for another's statement it is the time after that. */
const NOW = 'extract(epoch FROM clock_timestamp()) * 1000';
const STATE = 'm.value::jsonb';
/** Longer before it was taken than it is for, it is not held: the server's clock was set back, or another server took over. */
const IS_HELD = `coalesce(${NOW} BETWEEN (${STATE}->>'from')::float8 AND (${STATE}->>'until')::float8 AND ${STATE}->>'holder' IS NOT NULL, false)`;
const IS_MINE = `(${IS_HELD} AND ${STATE}->>'holder' = $1)`;
const IS_ASKED = `coalesce(${STATE}->>'by' <> $1 AND ${NOW} BETWEEN (${STATE}->>'asked')::float8 AND (${STATE}->>'wanted')::float8, false)`;
const DURING = `'from', ${NOW} - $2::float8, 'until', ${NOW} + $2::float8`;
const ASKED = `'by', $1::text, 'asked', ${NOW} - $2::float8, 'wanted', ${NOW} + $2::float8`;

// A note that is there before a lease was ever taken is of who has asked for it.
const TAKE = `INSERT INTO ${META} AS m (key, value) VALUES (${KEY}, jsonb_build_object('term', 1, 'holder', $1::text, ${DURING})::text)
  ON CONFLICT (key) DO UPDATE SET value = (CASE WHEN ${IS_MINE} THEN ${STATE} || jsonb_build_object(${DURING})
    ELSE jsonb_build_object('term', (${STATE}->>'term')::int8 + 1, 'holder', $1::text, ${DURING}) END)::text
  WHERE ${IS_MINE} OR NOT (${IS_HELD} OR ${IS_ASKED})
  RETURNING ${STATE}->>'term', ${IS_ASKED}`;

const WANT = `INSERT INTO ${META} AS m (key, value) VALUES (${KEY}, jsonb_build_object('term', 0, ${ASKED})::text)
  ON CONFLICT (key) DO UPDATE SET value = (${STATE} || jsonb_build_object(${ASKED}))::text`;

const GIVE = `UPDATE ${META} AS m SET value = (${STATE} || '{"holder": null}')::text WHERE key = ${KEY} AND ${STATE}->>'holder' = $1`;

/** Who had the lease last. */
export interface LeaseStanding {
  /** Null: it was given back. */
  readonly holder: string | null;
  readonly term: number;
  /** Seconds that it is still for; less than 0: it has lapsed. */
  readonly left: number;
}

/** Null: nobody ever had it. */
export async function leaseStanding(sql: Sql): Promise<LeaseStanding | null> {
  const [made] = await sql.query('SELECT to_regclass($1)', [META]);
  if (made?.[0] === null) return null;
  const [row] = await sql.query(
    `SELECT ${STATE}->>'holder', ${STATE}->>'term', ((${STATE}->>'until')::float8 - ${NOW}) / 1000 FROM ${META} AS m
      WHERE key = ${KEY} AND ${STATE}->>'until' IS NOT NULL`,
  );
  return row ? { holder: row[0] ?? null, term: Number(row[1]), left: Number(row[2]) } : null;
}

/** Whether this holder has the lease now. `$1`: the holder. */
export const LEADS: string = `EXISTS (SELECT FROM ${META} AS m WHERE key = ${KEY} AND ${IS_MINE})`;
