import type { PoolClient } from 'pg';
import { CarriedBus, type Bound, type Clock, type Log, type Model, type OpenDatabase } from '../core/index.ts';
import { checkServer, type Server } from './connection/server.ts';
import { pgSessions, type DrizzleOver } from './connection/sessions.ts';
import { literal, type Sessions } from './connection/sql.ts';
import { journalLeft } from './journal/setup.ts';
import type { TransactionBounds } from './log/bounds.ts';
import type { ConfirmAfter } from './log/confirming.ts';
import { lsnOf } from './log/lsn.ts';
import { leaveInside, leaveReceipt, leaveSent } from './log/messages.ts';
import { publicationSteps, readStanding } from './log/publication.ts';
import { ReplicationConnection } from './log/replication.ts';
import { evicting, remembering } from './log/eviction.ts';
import { checkSlotName, createSlotSql, OWN_LENGTH, readSlot } from './log/slot.ts';
import { PostgresSource, type SourceParts } from './log/source.ts';
import { postgresLease } from './setup/lease.ts';
import { bookkeeping, note, readNotes } from './setup/bookkeeping.ts';
import { applySteps, refuseMissing, setUpAlone, type GuardedStep } from './setup/steps.ts';
import { PgStore } from './store/store.ts';
import { LOG_UNTIL, PgRows } from './tables/rows.ts';
import { joinTables, type PgTable } from './tables/tables.ts';

export interface LogSettings {
  readonly url: string;
  /** Where the log is read. Default: `url`. */
  readonly replicationUrl?: string;
  readonly slot: string;
  readonly publication: string;
  readonly drizzle?: DrizzleOver<PoolClient>;
  readonly connections: number;
  readonly bounds: TransactionBounds;
  readonly confirmAfter: ConfirmAfter;
}

interface Place {
  readonly settings: LogSettings;
  readonly sessions: Sessions;
  readonly server: Server;
}

interface Hands {
  readonly setup: 'auto' | 'check';
  readonly shared?: boolean;
  /** By a slot that ends with it, whatever there is already. */
  readonly watching?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A server followed by its own log. */
export async function openByLog(settings: LogSettings, bound: readonly Bound[], hands: Hands): Promise<OpenDatabase> {
  const { drizzle, connections, publication, bounds, confirmAfter } = settings;
  const sessions = await pgSessions(settings.url, { ...(drizzle && { drizzle }), connections });
  // Who leads must not lose the lead because writes of the app wait for each other.
  const leasing = await pgSessions(settings.url, { connections: 1 });
  let connection: ReplicationConnection | null = null;
  const close = async (): Promise<void> => void (await Promise.all([leasing.close(), sessions.close()]));
  try {
    const place = { settings, sessions, server: await checkServer(sessions) };
    const url = settings.replicationUrl ?? settings.url;
    // First of all: where the log may not be read, nothing is changed.
    connection = await ReplicationConnection.open(url);
    const tables = await setUp(place, bound, hands);
    const { epoch, secret } = await readNotes(sessions);
    let closed: Promise<void> | null = null;
    const bus = hands.shared ? null : await logBus(place, hands);
    const lease = remembering(postgresLease(leasing));
    const source = await PostgresSource.open(
      {
        ...hands,
        url,
        sessions,
        tables: [...tables.values()],
        ...(await chooseSlot(place, hands)),
        publication,
        bounds,
        confirmAfter,
        hear: bus ? bus.hear : () => {},
        evict: hands.shared ? evicting(leasing, lease, hands.log) : undefined,
      },
      connection,
      { epoch },
    );
    return {
      tables,
      source,
      store: new PgStore({ sessions, clock: hands.clock, leave: leaveReceipt, judging: 'locked' }),
      rows: new PgRows({ sessions, clock: hands.clock, until: LOG_UNTIL }),
      lease,
      ...(bus && { bus: bus.bus }),
      secret,
      leave: leaveInside,
      close: () => (closed ??= source.close().finally(close)),
    };
  } catch (error) {
    await connection?.close();
    await close();
    throw error;
  }
}

/** @throws {RowcastError} `source_unsupported` for a server, or a table, that cannot be followed. */
export async function planByLog(settings: LogSettings, sessions: Sessions, bound: readonly Bound[]): Promise<readonly GuardedStep[]> {
  const place = { settings, sessions, server: await checkServer(sessions) };
  return [...(await missing(place, bound)).steps, ...(await missingSlot(place))];
}

function setUp(place: Place, bound: readonly Bound[], { setup, watching = false }: Hands): Promise<Missing['tables']> {
  return setUpAlone(place.sessions, async () => {
    const { steps, tables } = await missing(place, bound);
    const slot = watching ? [] : await missingSlot(place);
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
  const { publication } = settings;
  const followed = [...tables.values()];
  const steps = [
    ...(await bookkeeping(sessions)),
    ...publicationSteps(await readStanding(sessions, publication, followed), publication, followed),
    ...(await journalLeft(sessions)),
  ];
  return { tables, steps };
}

/** The last step makes the slot. Where retention has no cap there is none to make: the slot is then as short-lived as the process. */
async function missingSlot({ settings, sessions, server }: Place): Promise<readonly GuardedStep[]> {
  const name = checkSlotName(settings.slot);
  if (!server.retentionIsCapped || (await readSlot(sessions, name))) return [];
  return [
    note(`slot:${name}`, 'made', 'remembers that the slot is ours to remove'),
    { sql: createSlotSql({ name, temporary: false }), why: 'keeps the log for Rowcast while it is not running' },
  ];
}

/** Which slots this process may read by. */
async function chooseSlot(
  { settings, sessions, server }: Place,
  { log, watching = false }: Hands,
): Promise<Pick<SourceParts, 'permanent' | 'temporary'>> {
  const name = checkSlotName(settings.slot);
  const temporary = name.slice(0, OWN_LENGTH);
  if (watching) return { permanent: null, temporary };
  if (server.retentionIsCapped) return { permanent: name, temporary };
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
  return { permanent: null, temporary };
}

/** Messages between processes, each of which hears them where it reads the log. */
async function logBus(
  { sessions, server }: Place,
  { clock, log }: Hands,
): Promise<{ readonly bus: CarriedBus; readonly hear: SourceParts['hear'] }> {
  const bus = new CarriedBus({ from: clock.id(), log, carry: (text) => leaveSent(sessions, text, server.version) });
  const [row] = await sessions.query('SELECT pg_current_wal_insert_lsn()');
  // The log is read again from where it is kept: what was sent before this process was there, or what it has heard, is not told.
  let heard = lsnOf(row?.[0] ?? '0/0');
  return {
    bus,
    hear(content, at) {
      if (at <= heard) return;
      heard = at;
      bus.hear(content);
    },
  };
}
