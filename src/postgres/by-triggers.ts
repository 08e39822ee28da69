import type { PoolClient } from 'pg';
import { RowcastError, type Bound, type Clock, type Log, type Model, type OpenDatabase } from '../core/index.ts';
import type { TransactionBounds } from './log/assembler.ts';
import { Journal, leaveInJournal, waking } from './journal/journal.ts';
import { journalSteps, serverOf } from './journal/setup.ts';
import { refuseUntold, restoring } from './journal/tables.ts';
import { publicationGone } from './log/publication.ts';
import { PgRows } from './tables/rows.ts';
import { checkServer } from './connection/server.ts';
import { pgSessions, type DrizzleOver } from './connection/sessions.ts';
import { applySteps, bookkeeping, META, readNotes, refuseMissing, setUpAlone, type GuardedStep } from './setup/steps.ts';
import { literal, type Sessions, type Sql } from './connection/sql.ts';
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
  const close = async (): Promise<void> => void (await Promise.all([own.close(), sessions.close()]));
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
    let closed: Promise<void> | null = null;
    return {
      tables,
      source: journal,
      store: new PgStore({ sessions: waking(sessions, journal), clock, leave: leaveInJournal, judging: 'locked' }),
      rows: new PgRows({ sessions, clock, until: () => journal.tail() }),
      secret,
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

/** What following the log left here, and goes on costing: the log that a slot keeps, and the rows that it has twice. */
async function logLeft(sql: Sql): Promise<readonly GuardedStep[]> {
  const [row] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  if (row?.[0] !== 't') return [];
  const notes = await sql.query(`SELECT key FROM ${META} WHERE ${LOG_NOTES}`);
  if (notes.length === 0) return [];
  const slots = await slotsOfLog(sql);
  return [
    ...slots.map(([name]) => ({ sql: `SELECT pg_drop_replication_slot(${literal(name ?? '')})`, why: 'the server keeps the log for it' })),
    ...(await publicationGone(sql)),
    { sql: `DELETE FROM ${META} WHERE ${LOG_NOTES}`, why: 'nothing of following the log is left to undo' },
  ];
}

const LOG_NOTES = `split_part(key, ':', 1) IN ('slot', 'publication', 'identity', 'followed', 'confirmed')`;

async function slotsOfLog(sql: Sql): ReturnType<Sql['query']> {
  return sql.query(
    `SELECT slot_name, active_pid FROM pg_replication_slots JOIN ${META} ON key = 'slot:' || slot_name
     WHERE NOT temporary AND database = current_database() ORDER BY slot_name`,
  );
}

/** Another process of the app may still follow the log: it would not know what became of its slot. */
async function refuseWhileRead(sql: Sql): Promise<void> {
  const [row] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  const slots = row?.[0] === 't' ? await slotsOfLog(sql) : [];
  const [name, pid] = slots.find(([, active]) => active !== null) ?? [];
  if (name == null) return;
  throw new RowcastError(
    'setup_needed',
    `process ${pid} still follows this database by its log (slot "${name}"); end every process that has no \`follow: 'triggers'\`, then start again`,
  );
}
