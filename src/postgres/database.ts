import type { PoolClient } from 'pg';
import { RowcastError, type Bound, type Clock, type Database, type Log, type Model, type OpenDatabase } from '../core/index.ts';
import { BOUNDS, type TransactionBounds } from './log/assembler.ts';
import { CONFIRM_AFTER, type ConfirmAfter } from './log/confirming.ts';
import { journalGone, journalLeft } from './journal/setup.ts';
import { leaveReceipt } from './log/messages.ts';
import { note, publicationGone, publicationSteps, readStanding } from './log/publication.ts';
import { checkServer, type Server } from './connection/server.ts';
import { pgSessions, type DrizzleOver } from './connection/sessions.ts';
import {
  applySteps,
  bookkeeping,
  bookkeepingGone,
  META,
  readNotes,
  refuseMissing,
  SCHEMA,
  setUpAlone,
  type GuardedStep,
} from './setup/steps.ts';
import { checkSlotName, createSlotSql, readSlot, type SlotName } from './log/slot.ts';
import { examine } from './examine.ts';
import { ReplicationConnection } from './log/replication.ts';
import { LOG_UNTIL, PgRows } from './tables/rows.ts';
import { PostgresSource } from './log/source.ts';
import { literal, sqlState, type Sessions, type Sql } from './connection/sql.ts';
import { PgStore } from './store/store.ts';
import { joinTables, type PgTable } from './tables/tables.ts';
import { openByTriggers, planByTriggers } from './by-triggers.ts';

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
  /** Names the place in the log that the server keeps for this process: 1 to 63 of a-z, 0-9 and _. Each process needs its own. Default: `rowcast`. */
  readonly slot?: string;
  /** Names what is followed, for all processes of the app. Default: `rowcast`. */
  readonly publication?: string;
  /** The app's own Drizzle over a client, for hooks' `tx`: give it for a `schema`, a `logger` or `casing`. Default: `(client) => drizzle({ client })`. */
  readonly drizzle?: DrizzleOver<PoolClient>;
  /** Connections at most, besides those that follow the database: one for the log, two by triggers. Default: 10. */
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
  const settings = typeof options === 'string' ? { ...more, url: options } : options;
  return {
    name: 'postgres',
    plan: (bound) =>
      visit(settings, async (sessions) => {
        if (settings.follow === 'triggers') return planByTriggers(sessions, bound);
        const place = { settings, sessions, server: await checkServer(sessions) };
        return [...(await missing(place, bound)).steps, ...(await missingSlot(place))];
      }),
    open(bound, { setup, clock, log }) {
      const hands = { setup, clock, log };
      const opened =
        settings.follow === 'triggers'
          ? openByTriggers({ ...settings, connections: connectionsOf(settings), bounds: boundsOf(settings) }, bound, hands)
          : open(settings, bound, hands);
      return opened.catch((error: unknown) => Promise.reject(denied(error)));
    },
    examine: (bound) => examine(settings, bound),
    teardown: () =>
      visit(settings, async (sessions) => {
        const steps = await remains(sessions);
        await applySteps(sessions, steps);
        return steps;
      }),
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

function sessionsOf({ url, drizzle, connections }: PostgresOptions): Promise<Sessions> {
  return pgSessions(url, { ...(drizzle && { drizzle }), connections: connectionsOf({ connections }) });
}

// Two, because setting up holds a lock on one while it works on another.
const connectionsOf = ({ connections = 10 }: { readonly connections?: number | undefined }): number => Math.max(2, connections);
const boundsOf = ({ transaction }: PostgresOptions): TransactionBounds => ({ ...BOUNDS, ...transaction });

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
        bounds: boundsOf(settings),
        confirmAfter: { ...CONFIRM_AFTER, ...settings.confirmAfter },
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

function setUp(place: Place, bound: readonly Bound[], setup: 'auto' | 'check'): Promise<Missing['tables']> {
  return setUpAlone(place.sessions, async () => {
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
    ...(await journalLeft(sessions)),
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
    ...(await journalGone(sessions)),
    ...(await bookkeepingGone(sessions)),
  ];
}
