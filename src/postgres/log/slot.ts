import { pause, RowcastError, type Clock, type Log } from '../../core/index.ts';
import { lsnOf } from './lsn.ts';
import type { ReplicationConnection } from './replication.ts';
import { literal, sqlState, type Sql } from '../connection/sql.ts';

/** How much of the slot's name the short-lived ones begin with. */
export const OWN_LENGTH = 40;

/** Where the log is read by. A temporary one lives as long as the connection it was made on. */
export interface SlotName {
  readonly name: string;
  readonly temporary: boolean;
}

interface Slot {
  readonly plugin: string;
  readonly here: boolean;
  readonly activePid: string | null;
  readonly walStatus: string | null;
  /** Nothing before it can be read any more. */
  readonly confirmed: bigint;
}

export async function readSlot(sql: Sql, name: string): Promise<Slot | null> {
  const [row] = await sql.query(
    `SELECT plugin, database IS NOT DISTINCT FROM current_database(), active_pid, wal_status, confirmed_flush_lsn
     FROM pg_replication_slots WHERE slot_name = ${literal(name)}`,
  );
  if (!row) return null;
  const [plugin, here, activePid = null, walStatus = null, confirmed] = row;
  return { plugin: plugin ?? '', here: here === 't', activePid, walStatus, confirmed: lsnOf(confirmed ?? '0/0') };
}

export function createSlotSql({ name, temporary }: SlotName): string {
  return `SELECT pg_create_logical_replication_slot(${literal(name)}, 'pgoutput'${temporary ? ', true' : ''})`;
}

/** @throws {RowcastError} `source_unsupported` for a name that the server would not take: also what keeps it safe inside a statement. */
export function checkSlotName(name: string): string {
  if (/^[a-z0-9_]{1,63}$/.test(name)) return name;
  throw new RowcastError('source_unsupported', `"${name}" cannot name a replication slot: set \`slot\` to 1 to 63 of a-z, 0-9 and _`);
}

export interface ClaimParts {
  readonly connection: ReplicationConnection;
  /** Another connection, to look at what the first one waits for. */
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the reading of process `pid`, which has no right to it any more. Resolves to false where that is not so, or not allowed. */
  readonly evict?: ((pid: string) => Promise<boolean>) | undefined;
}

export interface ClaimedSlot {
  /** Nothing before it can be read any more. */
  readonly confirmed: bigint;
  /** It was not there, or of no use any more. */
  readonly made: boolean;
}

/** A slot that another connection holds is waited for: a process that restarts finds its own former one leaving. */
const LEAVING_MS = 5_000;
const LEAVING_POLL_MS = 100;
/** Who may end the former reader lets it leave by itself first. */
const EVICT_MS = 300;
/** A new slot waits for every transaction that writes at that moment. */
const CREATION_MS = 60_000;
/** Over the server's own limit: its error says more than ours. */
const ANSWER_MS = 10_000;
const CREATION_LOOK_MS = 1_000;

/**
 * Makes sure that the slot is there and free, and gives the place before which it has nothing. A lost one of our name is made anew. Null: another
 * process reads by it, or does not let go of it.
 *
 * @throws {RowcastError} `source_unsupported`, with the cure, when it is somebody else's, or cannot be made.
 */
export async function claimSlot(slot: SlotName, parts: ClaimParts): Promise<ClaimedSlot | null> {
  const { connection, clock, log, evict } = parts;
  let made = false;
  let holder: Holder | null = null;
  let evicting = evict;
  for (const start = clock.now(); ;) {
    const found = await readSlot(connection, slot.name);
    if (!found) {
      made = (await createSlot(slot, parts)) || made;
      continue;
    }
    refuseForeign(slot, found);
    if (found.walStatus === 'lost') {
      log.warn(
        { slot: slot.name },
        `the replication slot "${slot.name}" was cut off by the server; a new one is made, and every viewer reads again`,
      );
      await connection.query(`SELECT pg_drop_replication_slot(${literal(slot.name)})`);
      made = true;
      continue;
    }
    if (found.activePid === null || found.activePid === String(connection.pid)) return { confirmed: found.confirmed, made };
    const waited = clock.now() - start;
    const now = await readHolder(connection, found.activePid);
    if (holder?.pid !== now.pid) holder = now;
    if (evicting && waited >= EVICT_MS && !(await evicting(now.pid))) evicting = undefined;
    // A reader of ours says several times a second that it is there.
    if (!evicting && (holder.replied !== now.replied || waited >= LEAVING_MS)) return null;
    if (waited >= 2 * LEAVING_MS) return null;
    await pause(clock, LEAVING_POLL_MS);
  }
}

interface Holder {
  readonly pid: string;
  /** When it was heard of last. */
  readonly replied: string;
}

async function readHolder(sql: Sql, pid: string): Promise<Holder> {
  const [row] = await sql.query(`SELECT reply_time FROM pg_stat_replication WHERE pid = ${literal(pid)}`);
  return { pid, replied: row?.[0] ?? '' };
}

/**
 * A slot that goes with its connection, and begins where another one stands: no open transaction is waited for, and what that one's reader has
 * not let go of can be read here, too. Null: the other is not there any more, or cannot be copied.
 *
 * @throws {RowcastError} `source_unsupported` when the server has no room for it.
 */
export async function copySlot(from: string, to: string, { connection, log }: ClaimParts): Promise<ClaimedSlot | null> {
  try {
    const [row] = await connection.query(`SELECT lsn FROM pg_copy_logical_replication_slot(${literal(from)}, ${literal(to)}, true)`);
    return { confirmed: lsnOf(row?.[0] ?? '0/0'), made: false };
  } catch (cause) {
    if (sqlState(cause) === '53400') throw await noRoom(connection, cause);
    if (sqlState(cause) === undefined) throw cause;
    log.warn(
      { slot: from, err: cause },
      'where another process reads the log cannot be read from here: what it knows from before is not known here',
    );
    return null;
  }
}

/** @throws {RowcastError} `source_unsupported`, with the cure, when the server has no room for it, or open transactions do not end. */
export async function makeOwnSlot(name: string, parts: ClaimParts): Promise<ClaimedSlot> {
  await createSlot({ name, temporary: true }, parts);
  const found = await readSlot(parts.connection, name);
  return { confirmed: found?.confirmed ?? 0n, made: true };
}

function refuseForeign({ name }: SlotName, { plugin, here }: Slot): void {
  if (plugin === 'pgoutput' && here) return;
  throw new RowcastError(
    'source_unsupported',
    `the replication slot "${name}" belongs to ${here ? `the plugin "${plugin}"` : 'another database of this server'}; set \`slot\` to another name`,
  );
}

/** @returns false when another process made it meanwhile. */
async function createSlot(slot: SlotName, parts: ClaimParts): Promise<boolean> {
  const { connection } = parts;
  const watch = watchWait(parts);
  try {
    await connection.query(`SET statement_timeout = ${CREATION_MS}`);
    await connection.query(createSlotSql(slot), [], CREATION_MS + ANSWER_MS);
    await connection.query('SET statement_timeout = 0');
    return true;
  } catch (cause) {
    switch (sqlState(cause)) {
      case '57014':
        throw new RowcastError(
          'source_unsupported',
          `a replication slot could not be made within ${CREATION_MS / 1_000} s, because it waits for open transactions: ${watch.seen()}; end them, ` +
            `then start again`,
          { cause },
        );
      case '53400':
        throw await noRoom(connection, cause);
      case '42710': // made by another process since we looked
        return false;
      default:
        throw cause;
    }
  } finally {
    watch.stop();
  }
}

async function noRoom(sql: Sql, cause: unknown): Promise<RowcastError> {
  return new RowcastError(
    'source_unsupported',
    `all replication slots of the server are taken (${await slotNames(sql)}), and each process that reads the log needs one: raise ` +
      `max_replication_slots, or drop one that nobody needs`,
    { cause },
  );
}

async function slotNames(sql: Sql): Promise<string> {
  const rows = await sql.query(`SELECT slot_name FROM pg_replication_slots ORDER BY active, slot_name`);
  return rows.map(([name]) => name).join(', ');
}

/** Says, once, whom the new slot waits for. */
function watchWait({ connection, sql, clock, log }: ClaimParts): { seen(): string; stop(): void } {
  let stopped = false;
  let blockers = 'another transaction';
  let told = false;
  let timer: { cancel(): void };
  const look = async (): Promise<void> => {
    const rows = await sql.query(
      `SELECT pid, coalesce(nullif(application_name, ''), usename), to_char(now() - xact_start, 'HH24:MI:SS')
       FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1))`,
      [connection.pid],
    );
    if (rows.length > 0) blockers = rows.map(([pid, name, since]) => `process ${pid} (${name}, open for ${since})`).join(', ');
    if (rows.length > 0 && !told && !stopped) {
      told = true;
      log.warn({ blockedBy: rows.map(([pid]) => Number(pid)) }, `the log can be read once open transactions have ended: ${blockers}`);
    }
  };
  const again = (): void => {
    if (stopped) return;
    timer = clock.after(
      CREATION_LOOK_MS,
      () =>
        void look()
          .catch(() => undefined)
          .then(again),
    );
  };
  again();
  return {
    seen: () => blockers,
    stop: () => {
      stopped = true;
      timer.cancel();
    },
  };
}
