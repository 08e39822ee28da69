import type { LogStanding } from '../../core/index.ts';
import type { Sql } from '../connection/sql.ts';

/** How far whoever reads by this slot is behind, by what it last told the server, and what is kept for it. */
export async function slotStanding(sql: Sql, slot: string): Promise<LogStanding> {
  const [row] = await sql.query(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), r.write_lsn), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.restart_lsn), safe_wal_size
     FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE slot_name = $1`,
    [slot],
  );
  const [behind = null, kept = null, room = null] = row ?? [];
  return { unit: 'bytes', behind: numberOf(behind), kept: numberOf(kept), room: numberOf(room) };
}

const numberOf = (text: string | null): number | null => (text === null ? null : Math.max(0, Number(text)));
