import type { PoolClient } from 'pg';
import type { Bound, Clock, Database, Log, Model, OpenDatabase } from '../core/index.ts';
import type { TransactionBounds } from './assembler.ts';
import { leaveReceipt } from './messages.ts';
import { note, publicationGone, publicationSteps, readStanding } from './publication.ts';
import { checkServer, type Server } from './server.ts';
import { pgSessions, type DrizzleOver } from './sessions.ts';
import { applySteps, bookkeeping, bookkeepingGone, META, readNotes, refuseMissing, type GuardedStep } from './setup.ts';
import { checkSlotName, createSlotSql, readSlot, type SlotName } from './slot.ts';
import { examine } from './examine.ts';
import { ReplicationConnection } from './replication.ts';
import { LOG_UNTIL, PgRows } from './rows.ts';
import { PostgresSource } from './source.ts';
import { literal, type Sessions, type Sql } from './sql.ts';
import { PgStore } from './store.ts';
import { joinTables, type PgTable } from './tables.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host/database`, as `pg` takes it. A pooler in between must keep sessions (PgBouncer: `pool_mode = session`). */
  readonly url: string;
  /** The address of Postgres itself, where `url` is a pooler's; its user needs the REPLICATION attribute. Default: `url`. */
  readonly replicationUrl?: string;
  /** Names the place in the log that the server keeps for this process: 1 to 63 of a-z, 0-9 and _. Each process needs its own. Default: `rowcast`. */
  readonly slot?: string;
  /** Names what is followed, for all processes of the app. Default: `rowcast`. */
  readonly publication?: string;
  /** The app's own Drizzle over a client, for hooks' `tx`: give it for a `schema`, a `logger` or `casing`. Default: `(client) => drizzle({ client })`. */
  readonly drizzle?: DrizzleOver<PoolClient>;
  /** Connections at most, besides the one that reads the log. Default: 10. */
  readonly connections?: number;
  /** A transaction over either bound is not kept in memory: its tables' viewers read again. Default: 64 MiB, 100,000 rows. */
  readonly transaction?: Partial<TransactionBounds>;
}

const BOUNDS: TransactionBounds = { bytes: 64 * 1024 * 1024, rows: 100_000 };

/**
 * A Postgres server, 15 or newer, followed by its own log: whoever writes, by whatever means. `wal_level` must be `logical`. The user needs
 * REPLICATION, CREATE on the database, and to own the bound tables; where it does not, `rowcast setup --sql` prints what somebody else runs.
 *
 * @example
 * ```ts
 * const live = await rowcast({ source: postgres(process.env.DATABASE_URL), bindings: { posts } })
 * ```
 */
export function postgres(options: string | PostgresOptions): Database {
  const settings = typeof options === 'string' ? { url: options } : options;
  return {
    name: 'postgres',
    plan: (bound) =>
      visit(settings, async (sessions) => {
        const place = { settings, sessions, server: await checkServer(sessions) };
        return [...(await missing(place, bound)).steps, ...(await missingSlot(place))];
      }),
    open: (bound, { setup, clock, log }) => open(settings, bound, { setup, clock, log }),
    examine: (bound) => examine(settings, bound),
    teardown: () =>
      visit(settings, async (sessions) => {
        const steps = await remains(sessions);
        await applySteps(sessions, steps);
        return steps;
      }),
  };
}

async function visit<T>(settings: PostgresOptions, look: (sessions: Sessions) => Promise<T>): Promise<T> {
  const sessions = await sessionsOf(settings);
  try {
    return await look(sessions);
  } finally {
    await sessions.close();
  }
}

interface Place {
  readonly settings: PostgresOptions;
  readonly sessions: Sessions;
  readonly server: Server;
}

function sessionsOf({ url, drizzle, connections = 10 }: PostgresOptions): Promise<Sessions> {
  // Two, because setting up holds a lock on one while it works on another.
  return pgSessions(url, { ...(drizzle && { drizzle }), connections: Math.max(2, connections) });
}

interface Hands {
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
}

async function open(settings: PostgresOptions, bound: readonly Bound[], hands: Hands): Promise<OpenDatabase> {
  const sessions = await sessionsOf(settings);
  let connection: ReplicationConnection | null = null;
  try {
    const place = { settings, sessions, server: await checkServer(sessions) };
    const url = settings.replicationUrl ?? settings.url;
    // First of all: where the log may not be read, nothing is changed.
    connection = await ReplicationConnection.open(url);
    const tables = await setUp(place, bound, hands.setup);
    const { epoch, secret } = await readNotes(sessions);
    let closed: Promise<void> | null = null;
    const source = await PostgresSource.open(
      {
        ...hands,
        url,
        sessions,
        tables: [...tables.values()],
        slot: await chooseSlot(place, hands),
        publication: publicationOf(settings),
        bounds: { ...BOUNDS, ...settings.transaction },
      },
      connection,
      { epoch },
    );
    return {
      tables,
      source,
      store: new PgStore({ sessions, clock: hands.clock, leave: leaveReceipt, judging: 'locked' }),
      rows: new PgRows({ sessions, clock: hands.clock, until: LOG_UNTIL }),
      secret,
      close: () => (closed ??= source.close().finally(() => sessions.close())),
    };
  } catch (error) {
    await connection?.close();
    await sessions.close();
    throw error;
  }
}

/** Processes that start at the same time set up one after the other. */
const SETUP_LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('rowcast setup', 0))`;

function setUp(place: Place, bound: readonly Bound[], setup: 'auto' | 'check'): Promise<Missing['tables']> {
  return place.sessions.transaction(async (lock) => {
    await lock.query(`SELECT set_config('lock_timeout', '1min', true)`);
    await lock.query(SETUP_LOCK);
    const { steps, tables } = await missing(place, bound);
    const slot = await missingSlot(place);
    if (setup === 'check') refuseMissing([...steps, ...slot]);
    // The slot itself is made where it is read: that may have to wait, and knows how to.
    else await applySteps(place.sessions, [...steps, ...slot.slice(0, -1)]);
    return tables;
  });
}

interface Missing {
  readonly tables: ReadonlyMap<Model, PgTable>;
  readonly steps: readonly GuardedStep[];
}

async function missing({ settings, sessions }: Place, bound: readonly Bound[]): Promise<Missing> {
  const { tables } = await joinTables(sessions, bound);
  const publication = publicationOf(settings);
  const followed = [...tables.values()];
  const steps = [
    ...(await bookkeeping(sessions)),
    ...publicationSteps(await readStanding(sessions, publication, followed), publication, followed),
  ];
  return { tables, steps };
}

const publicationOf = ({ publication = 'rowcast' }: PostgresOptions): string => publication;
const slotOf = ({ slot = 'rowcast' }: PostgresOptions): string => checkSlotName(slot);

/** The last step makes the slot. Where retention has no cap there is none to make: the slot is then as short-lived as the process. */
async function missingSlot({ settings, sessions, server }: Place): Promise<readonly GuardedStep[]> {
  const name = slotOf(settings);
  if (!server.retentionIsCapped || (await readSlot(sessions, name))) return [];
  return [
    note(`slot:${name}`, 'made', 'remembers that the slot is ours to remove'),
    { sql: createSlotSql({ name, temporary: false }), why: 'keeps the log for Rowcast while it is not running' },
  ];
}

async function chooseSlot({ settings, sessions, server }: Place, { clock, log }: Hands): Promise<SlotName> {
  const name = slotOf(settings);
  if (server.retentionIsCapped) return { name, temporary: false };
  log.warn(
    {},
    `nothing limits what the server keeps for a reader that is away, so the log is kept only while this process runs; to have it kept over ` +
      `restarts: ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf();`,
  );
  if (await readSlot(sessions, name)) {
    log.warn(
      { slot: name },
      `a replication slot of an earlier time is not used and keeps the log without end: SELECT pg_drop_replication_slot(${literal(name)});`,
    );
  }
  const unique = clock.id().toLowerCase().replaceAll('-', '_');
  return { name: `${name.slice(0, 40)}_${unique}`, temporary: true };
}

/** All that any setup ever made here, the latest first. */
async function remains(sessions: Sql): Promise<readonly GuardedStep[]> {
  const [row] = await sessions.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  if (row?.[0] !== 't') return bookkeepingGone(sessions);
  const slots = await sessions.query(
    `SELECT slot_name FROM pg_replication_slots JOIN ${META} ON key = 'slot:' || slot_name WHERE NOT temporary`,
  );
  return [
    ...slots.map(([name]) => ({ sql: `SELECT pg_drop_replication_slot(${literal(name ?? '')})`, why: 'the server keeps the log for it' })),
    ...(await publicationGone(sessions)),
    ...(await bookkeepingGone(sessions)),
  ];
}
