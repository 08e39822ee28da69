import type { PGlite, PGliteInterface } from '@electric-sql/pglite';
import type { Bound, Database, OpenDatabase, OpenOptions, SetupStep } from '../core/index.ts';
import {
  applySteps,
  BOUNDS,
  bookkeeping,
  bookkeepingGone,
  CHANNEL,
  examineEmbedded,
  Journal,
  journalGone,
  journalSteps,
  joinTables,
  leaveByFunction,
  leaveInJournal,
  PgRows,
  PgStore,
  readNotes,
  refuseMissing,
  refuseUntold,
  restoring,
  timelineOf,
  waking,
  type DrizzleOver,
  type Sessions,
} from '../postgres/index.ts';
import { pgliteSessions } from './sessions.ts';

export interface PgliteOptions {
  /** The app's own Drizzle over a client, for hooks. Default: `(client) => drizzle({ client })` of `drizzle-orm/pglite`. */
  readonly drizzle?: DrizzleOver<PGlite>;
}

/**
 * A PGlite of the app's, followed by triggers and a journal in its schema `rowcast`: PGlite cannot decode its log. It is one connection, and
 * the app's: transactions are made with `db.transaction(…)`, never with BEGIN by hand, and a `hasPermission` may ask the database.
 *
 * @example
 * ```ts
 * const db = await PGlite.create('./data')
 * const live = await rowcast({ source: pglite(db), bindings: { posts } })
 * ```
 */
export function pglite(db: PGliteInterface, { drizzle }: PgliteOptions = {}): Database {
  const sessions = pgliteSessions(db, drizzle);
  return {
    name: 'pglite',
    plan: (bound) => missing(sessions, bound),
    open: (bound, options) => open(db, sessions, { bound, ...options }),
    examine: (bound) => examineEmbedded(sessions, bound, { notifies: true }),
    async teardown() {
      const steps = [...(await journalGone(sessions)), ...(await bookkeepingGone(sessions))];
      await applySteps(sessions, steps);
      return steps;
    },
  };
}

async function missing(sessions: Sessions, bound: readonly Bound[]): Promise<readonly SetupStep[]> {
  const { tables } = await joinTables(sessions, bound);
  await refuseUntold(sessions, [...tables.values()]);
  return [...(await bookkeeping(sessions)), ...(await journalSteps(sessions, tables.values(), { notifies: true }))];
}

/** Milliseconds between two looks: whoever writes wakes us, and what was missed by that is found by then. */
const PACE = [1_000, 1_000] as const;

async function open(
  db: PGliteInterface,
  sessions: Sessions,
  { bound, setup, clock, log }: OpenOptions & { readonly bound: readonly Bound[] },
): Promise<OpenDatabase> {
  const steps = await missing(sessions, bound);
  if (setup === 'check') refuseMissing(steps);
  await applySteps(sessions, steps);
  const { tables } = await joinTables(sessions, bound);
  const { epoch, secret } = await readNotes(sessions);
  const journal = new Journal({
    sessions,
    clock,
    log,
    tables: [...tables.values()],
    epoch,
    bounds: BOUNDS,
    timeline: await timelineOf(sessions),
    pace: PACE,
    restore: restoring(sessions, { setup, notifies: true }),
    listen: async (wake) => {
      const stop = await db.listen(CHANNEL, wake);
      return () => stop();
    },
  });
  return {
    tables,
    source: journal,
    // One connection: a permission check that asks the database must not be waited for inside a transaction.
    store: new PgStore({ sessions: waking(sessions, journal), clock, leave: leaveInJournal, judging: 'compared' }),
    rows: new PgRows({ sessions, clock, until: () => journal.tail() }),
    secret,
    leave: leaveByFunction,
    close: () => journal.close(),
  };
}
