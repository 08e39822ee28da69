import type { Finding } from '../../core/index.ts';
import { error, ok, size, span, warning } from './finding.ts';
import { retained, type ServerFacts } from './server.ts';
import { createSlotSql, OWN_LENGTH } from '../log/slot.ts';
import { literal, type Sql } from '../connection/sql.ts';

/** A slot as the server tells it, with how much log it keeps. */
export interface SlotFacts {
  readonly name: string;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  /** Who reads by it: `12345 (rowcast log, 10.0.0.7)`; null: nobody. */
  readonly reader: string | null;
  readonly pid: number | null;
  /** The process that holds it has not begun to read. */
  readonly held: boolean;
  readonly status: string | null;
  /** Why it was cut off, as servers from 17 on say. */
  readonly reason: string | null;
  /** Bytes of log kept for it; null when none is. */
  readonly kept: number | null;
  /** Bytes that may still be written before it is cut off; null: no cap. */
  readonly left: number | null;
  /** Bytes between the end of the log and what its reader has confirmed. */
  readonly behind: number | null;
}

const QUERY = `SELECT json_build_object('name', slot_name, 'plugin', plugin, 'database', database, 'temporary', temporary,
    'reader', CASE WHEN active_pid IS NOT NULL THEN active_pid || coalesce((SELECT ' (' || concat_ws(', ', nullif(a.application_name, ''),
      a.client_addr) || ')' FROM pg_stat_activity a WHERE a.pid = active_pid), '') END,
    'held', EXISTS (SELECT FROM pg_stat_replication r WHERE r.pid = active_pid AND state = 'startup'), 'pid', active_pid, 'status', wal_status, 'reason', to_jsonb(s)->>'invalidation_reason', 'left', safe_wal_size,
    'kept', pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn), 'behind', pg_wal_lsn_diff(pg_current_wal_insert_lsn(), confirmed_flush_lsn))::text
  FROM pg_replication_slots s ORDER BY slot_name`;

export async function slotFacts(sql: Sql): Promise<readonly SlotFacts[]> {
  return (await sql.query(QUERY)).map(([row]) => JSON.parse(row ?? '{}') as SlotFacts);
}

/** Parts of what may be kept at which a reader that is behind is worth a word, and more than that. */
const ALARMS = { warning: 0.5, error: 0.8 } as const;

/** Our own slot. */
export function slotFindings(name: string, slot: SlotFacts | undefined, { cap, database }: ServerFacts): readonly Finding[] {
  const about = `slot ${name}`;
  const drop = `SELECT pg_drop_replication_slot(${literal(name)})`;
  if (!cap) {
    if (!slot) return [ok(about, 'as nothing limits what is kept, each process makes one of its own that ends with it')];
    return [warning(about, 'it is of an earlier time, when what is kept had a limit; it is not used, and keeps the log without end', drop)];
  }
  if (!slot) {
    const sql = createSlotSql({ name, temporary: false });
    return [warning(about, 'there is none yet, so nothing is kept for a process that is away; the next start makes it', sql)];
  }
  if (slot.plugin !== 'pgoutput' || slot.database !== database) {
    const whose = slot.plugin === 'pgoutput' ? `the database "${slot.database}"` : `the plugin "${slot.plugin ?? 'none: a standby'}"`;
    return [error(about, `it belongs to ${whose}; set \`slot\` to another name`)];
  }
  if (slot.status === 'lost') {
    const why = slot.reason === null ? '' : ` (${slot.reason})`;
    return [
      error(
        about,
        `it was cut off by the server${why}: what it missed is gone. The next start makes a new one, and every viewer reads again`,
        drop,
      ),
    ];
  }
  return [reach(about, slot, cap)];
}

function reach(about: string, { reader, status, kept, left, behind }: SlotFacts, cap: NonNullable<ServerFacts['cap']>): Finding {
  const part = (kept ?? 0) / Math.max(1, cap.bytes);
  const who = reader === null ? 'nobody reads by it' : `process ${reader} reads by it`;
  const room = left === null ? '' : `, ${size(Math.max(0, left))} before it is cut off`;
  const said = `${who}; it keeps ${retained(kept ?? 0, cap)}${room}, and its reader is ${size(behind ?? 0)} behind`;
  const cure = [
    `ALTER SYSTEM SET max_slot_wal_keep_size = ${literal(`${Math.ceil((cap.bytes * 2) / 1024 ** 2)}MB`)}`,
    'SELECT pg_reload_conf()',
  ];
  const act = `${reader === null ? 'start the process that reads by it' : 'see why it does not keep up'}, or allow more`;
  if (part >= ALARMS.error || status === 'unreserved') return error(about, `${said}: about to be cut off; ${act}`, ...cure);
  if (part >= ALARMS.warning) return warning(about, `${said}: over half; ${act}`, ...cure);
  return ok(about, said);
}

/** Slots of further processes of the app. Each goes with its process. */
export function furtherFindings(own: string, slots: readonly SlotFacts[]): readonly Finding[] {
  const start = `${own.slice(0, OWN_LENGTH)}_`;
  const further = slots.filter(({ name, temporary, held }) => temporary && !held && name.startsWith(start));
  if (further.length === 0) return [];
  const processes = `${further.length} more ${further.length === 1 ? 'process' : 'processes'}`;
  const most = Math.max(...further.map(({ behind }) => behind ?? 0));
  return [ok(`slots ${start}*`, `${processes} read by slots that go with them, and at most ${size(most)} behind`)];
}

/** Slots of whomever that keep the log for nobody, and short-lived ones of ours that are not read by. */
export function strandedFindings(own: string, slots: readonly SlotFacts[]): readonly Finding[] {
  return slots.flatMap(({ name, reader, kept, database, temporary, held, pid }) => {
    const about = `slot ${name}`;
    if (temporary && held && pid !== null && name.startsWith(`${own.slice(0, OWN_LENGTH)}_`)) {
      const why = `process ${reader} made it for itself and does not read by it: one that has just started, or one whose end the server has not noticed`;
      // sql: a process's number
      return [warning(about, why, `SELECT pg_terminate_backend(${pid})`)];
    }
    if (name === own || reader !== null || kept === null) return [];
    const where = database === null ? '' : ` (database "${database}")`;
    const why = `nobody reads by it${where}, and the server keeps ${size(kept)} of the log for it, more by the minute: if whoever made it is gone, drop it`;
    return [warning(about, why, `SELECT pg_drop_replication_slot(${literal(name)})`)];
  });
}

/** A transaction that has written is in nobody's log before it ends, and the log since its first row is kept until then. */
export const LONG_OPEN = 60;

/** Transactions that have been open for so many seconds, here and in the server's other databases. */
export async function openFindings(sql: Sql, seconds: number): Promise<readonly Finding[]> {
  const open = await sql.query(
    `SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type), state, extract(epoch FROM now() - xact_start)::bigint FROM pg_stat_activity
     WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND xact_start <= now() - make_interval(secs => $1) ORDER BY xact_start`,
    [seconds],
  );
  const prepared = await sql.query(
    `SELECT gid, database, owner, extract(epoch FROM now() - prepared)::bigint FROM pg_prepared_xacts
     WHERE prepared <= now() - make_interval(secs => $1) ORDER BY prepared`,
    [seconds],
  );
  const findings = [
    ...open.map(([pid, who, state, age]) =>
      warning(
        'open transaction',
        `process ${pid} (${who}, ${state}) has had one open for ${span(Number(age))}: until it ends, the log since then is kept and no new slot can be made`,
        // sql: a process's number
        `SELECT pg_terminate_backend(${Number(pid)})`,
      ),
    ),
    ...prepared.map(([gid, database, owner, age]) =>
      warning(
        'prepared transaction',
        `${literal(gid ?? '')} of "${owner}" has waited for its end for ${span(Number(age))}: until then the log since it began is kept. Decide it, in the ` +
          `database "${database}"`,
        `ROLLBACK PREPARED ${literal(gid ?? '')}`,
      ),
    ),
  ];
  return findings.length > 0 ? findings : [ok('open transactions', `none that this user may see is older than ${span(seconds)}`)];
}
