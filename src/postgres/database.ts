import type { PoolClient } from 'pg';
import { RowcastError, type Database } from '../core/index.ts';
import { openByLog, planByLog, type LogSettings } from './by-log.ts';
import { openByTriggers, planByTriggers } from './by-triggers.ts';
import { pgSessions, type DrizzleOver } from './connection/sessions.ts';
import { sqlState, type Sessions, type Sql } from './connection/sql.ts';
import { examine } from './examine.ts';
import { journalGone } from './journal/setup.ts';
import { BOUNDS, type TransactionBounds } from './log/bounds.ts';
import { CONFIRM_AFTER, type ConfirmAfter } from './log/confirming.ts';
import { logGone } from './log/left.ts';
import { bookkeepingGone, META, SCHEMA } from './setup/bookkeeping.ts';
import { applySteps, type GuardedStep } from './setup/steps.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host/database`, as `pg` takes it. A pooler in between must keep sessions (PgBouncer: `pool_mode = session`). */
  readonly url: string;
  /**
   * `'log'` (default): by the server's own log. `'triggers'`: by triggers on the bound tables, which write a journal: no REPLICATION attribute, no
   * `wal_level`, no slot, for a part of the speed of the app's writes. All processes of an app follow in the same way.
   */
  readonly follow?: 'log' | 'triggers';
  /** The address of Postgres itself, where `url` is a pooler's; its user needs the REPLICATION attribute. Default: `url`. */
  readonly replicationUrl?: string;
  /**
   * Names the place in the log that the server keeps for the app: 1 to 63 of a-z, 0-9 and _. One process reads by it; any other that follows the
   * database at the same time makes a slot of its own, which goes with it. Default: `rowcast`.
   */
  readonly slot?: string;
  /** Names what is followed, for all processes of the app. Default: `rowcast`. */
  readonly publication?: string;
  /** The app's own Drizzle over a client, for hooks' `tx`: give it for a `schema`, a `logger` or `casing`. Default: `(client) => drizzle({ client })`. */
  readonly drizzle?: DrizzleOver<PoolClient>;
  /** Connections at most, besides those that follow the database: one for the log, and one where a broker is shared; two by triggers. Default: 10. */
  readonly connections?: number;
  /** A transaction over either bound is not kept in memory: its tables' viewers read again. Default: 64 MiB, 100,000 rows. */
  readonly transaction?: Partial<TransactionBounds>;
  /**
   * How much of the log the server keeps behind what has been read, so that a process that starts again knows what it told before: so many
   * milliseconds or bytes, whichever comes first, and never more than a quarter of `max_slot_wal_keep_size`. Default: 30 s, 64 MiB.
   */
  readonly confirmAfter?: Partial<ConfirmAfter>;
}

/**
 * A Postgres server, 15 or newer, followed by its own log: whoever writes, by whatever means. `wal_level` must be `logical`. The user needs
 * REPLICATION, CREATE on the database, and to own the bound tables; where it does not, `rowcast setup --sql` prints what somebody else runs. By
 * triggers neither `wal_level` nor REPLICATION is needed.
 *
 * @example
 * ```ts
 * const live = await rowcast({ source: postgres(process.env.DATABASE_URL), bindings: { posts } })
 * const other = postgres(process.env.DATABASE_URL, { follow: 'triggers' })
 * ```
 */
export function postgres(options: string | PostgresOptions, more: Omit<PostgresOptions, 'url'> = {}): Database {
  const given = typeof options === 'string' ? { ...more, url: options } : options;
  const settings = settingsOf(given);
  const byTriggers = given.follow === 'triggers';
  return {
    name: 'postgres',
    plan: (bound) => visit(settings, (sessions) => (byTriggers ? planByTriggers(sessions, bound) : planByLog(settings, sessions, bound))),
    open(bound, hands) {
      const opened = (byTriggers ? openByTriggers : openByLog)(settings, bound, hands);
      return opened.catch((error: unknown) => Promise.reject(denied(error)));
    },
    examine: (bound) => examine(given, bound),
    teardown: () =>
      visit(settings, async (sessions) => {
        const steps = await remains(sessions);
        await applySteps(sessions, steps);
        return steps;
      }),
  };
}

function settingsOf({ slot = 'rowcast', publication = 'rowcast', connections = 10, ...given }: PostgresOptions): LogSettings {
  const { url, replicationUrl, drizzle, transaction, confirmAfter } = given;
  return {
    url,
    ...(replicationUrl !== undefined && { replicationUrl }),
    slot,
    publication,
    ...(drizzle && { drizzle }),
    // Two, because setting up holds a lock on one while it works on another.
    connections: Math.max(2, connections),
    bounds: { ...BOUNDS, ...transaction },
    confirmAfter: { ...CONFIRM_AFTER, ...confirmAfter },
  };
}

/** Set up by one role and run by another, which was not told what it may use. */
function denied(cause: unknown): unknown {
  if (cause instanceof RowcastError || sqlState(cause) !== '42501') return cause;
  return new RowcastError(
    'setup_needed',
    `the database's user may not use what was set up (the server says: ${(cause as Error).message}); run as its owner, with that user's name: ` +
      `GRANT USAGE ON SCHEMA ${SCHEMA} TO …; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO …; ` +
      `\`npx rowcast doctor\` says what else is missing`,
    { cause },
  );
}

async function visit<T>({ url, drizzle, connections }: LogSettings, look: (sessions: Sessions) => Promise<T>): Promise<T> {
  const sessions = await pgSessions(url, { ...(drizzle && { drizzle }), connections });
  try {
    return await look(sessions);
  } finally {
    await sessions.close();
  }
}

/** All that any setup ever made here, the latest first. */
async function remains(sql: Sql): Promise<readonly GuardedStep[]> {
  const [row] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  const isKept = row?.[0] === 't';
  return [...(isKept ? [...(await logGone(sql)), ...(await journalGone(sql))] : []), ...(await bookkeepingGone(sql))];
}
