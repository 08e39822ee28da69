import type { PoolClient } from 'pg';
import type { Bound, Clock, Log, Model, OpenDatabase } from '../core/index.ts';
import type { TransactionBounds } from './log/bounds.ts';
import { Journal, leaveByFunction, leaveInJournal, waking } from './journal/journal.ts';
import { notifiedBus, type NotifiedBus } from './journal/notified-bus.ts';
import { journalSteps, serverOf } from './journal/setup.ts';
import { refuseUntold, restoring } from './journal/tables.ts';
import { logLeft, refuseWhileRead } from './log/left.ts';
import { PgRows } from './tables/rows.ts';
import { checkServer } from './connection/server.ts';
import { pgSessions, type DrizzleOver } from './connection/sessions.ts';
import { postgresLease } from './setup/lease.ts';
import { bookkeeping, readNotes } from './setup/bookkeeping.ts';
import { applySteps, refuseMissing, setUpAlone, type GuardedStep } from './setup/steps.ts';
import type { Sessions, Sql } from './connection/sql.ts';
import { PgStore } from './store/store.ts';
import { joinTables, type PgTable } from './tables/tables.ts';
import { timelineOf } from './journal/ticks.ts';

export interface TriggerSettings {
  readonly url: string;
  readonly drizzle?: DrizzleOver<PoolClient>;
  readonly connections: number;
  readonly bounds: TransactionBounds;
}

interface Hands {
  readonly setup: 'auto' | 'check';
  /** One process reads for all, and all have a broker's bus. */
  readonly shared?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Milliseconds between two looks: 20 after news, up to 100 when there are none. What this process writes itself is looked for at once. */
const PACE = [20, 100] as const;
/** One reads, one is for what is asked or written beside it: neither waits for the app's writes. */
const OWN_CONNECTIONS = 2;

/** A server followed by triggers and a journal: it needs no right to read the log, and no log that has rows. */
export async function openByTriggers(settings: TriggerSettings, bound: readonly Bound[], hands: Hands): Promise<OpenDatabase> {
  const { url, drizzle, connections, bounds } = settings;
  const sessions = await pgSessions(url, { ...(drizzle && { drizzle }), connections });
  const own = await pgSessions(url, { connections: OWN_CONNECTIONS });
  let heard: NotifiedBus | null = null;
  const close = async (): Promise<void> => void (await Promise.all([heard?.close(), own.close(), sessions.close()]));
  try {
    await checkServer(sessions, 'triggers');
    const tables = await setUp(sessions, bound, hands.setup);
    const followed = [...tables.values()];
    const { epoch, secret } = await readNotes(sessions);
    const timeline = await timelineOf(sessions);
    const { clock, log } = hands;
    const journal = new Journal({
      sessions: own,
      clock,
      log,
      bounds,
      tables: followed,
      epoch: `${epoch}.${await serverOf(sessions)}.${timeline.value}`,
      timeline,
      pace: PACE,
      restore: restoring(sessions, { setup: hands.setup }),
    });
    heard = hands.shared ? null : await notifiedBus({ url, sessions: own, clock, log });
    let closed: Promise<void> | null = null;
    return {
      tables,
      source: journal,
      ...(heard && { bus: heard.bus }),
      store: new PgStore({ sessions: waking(sessions, journal), clock, leave: leaveInJournal, judging: 'locked' }),
      rows: new PgRows({ sessions, clock, until: () => journal.tail() }),
      lease: postgresLease(own),
      secret,
      leave: leaveByFunction,
      close: () => (closed ??= journal.close().finally(close)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws {RowcastError} `source_unsupported` for a server, or a table, that cannot be followed. */
export async function planByTriggers(sessions: Sessions, bound: readonly Bound[]): Promise<readonly GuardedStep[]> {
  await checkServer(sessions, 'triggers');
  return (await missing(sessions, bound)).steps;
}

function setUp(sessions: Sessions, bound: readonly Bound[], setup: Hands['setup']): Promise<ReadonlyMap<Model, PgTable>> {
  return setUpAlone(sessions, async () => {
    const { tables, steps } = await missing(sessions, bound);
    if (setup === 'check') refuseMissing(steps);
    else {
      await refuseWhileRead(sessions);
      await applySteps(sessions, steps);
    }
    return tables;
  });
}

interface Missing {
  readonly tables: ReadonlyMap<Model, PgTable>;
  readonly steps: readonly GuardedStep[];
}

async function missing(sql: Sql, bound: readonly Bound[]): Promise<Missing> {
  const { tables } = await joinTables(sql, bound);
  const followed = [...tables.values()];
  await refuseUntold(sql, followed);
  return { tables, steps: [...(await bookkeeping(sql)), ...(await journalSteps(sql, followed)), ...(await logLeft(sql))] };
}
