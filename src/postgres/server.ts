import { RowcastError } from '../core/index.ts';
import { isPglite, type Sql } from './sql.ts';

export interface Server {
  /** What the server keeps for a slot that nobody reads has an end; without one it would fill the disk. */
  readonly retentionIsCapped: boolean;
}

/** @throws {RowcastError} `source_unsupported`, with the cure, when this server's log cannot be followed. */
export async function checkServer(sql: Sql): Promise<Server> {
  if (await isPglite(sql)) throw unsupported('this is PGlite, which keeps no log that can be read; use pglite(…)');
  const [row] = await sql.query(
    `SELECT current_setting('server_version_num'), pg_is_in_recovery(), current_setting('wal_level'), current_setting('max_slot_wal_keep_size')`,
  );
  const [version, standby, walLevel, kept] = row ?? [];
  if (Number(version) < 150_000) throw unsupported(`Postgres 15 or newer is needed, this is ${version}`);
  if (standby === 't') throw unsupported('this is a standby; use the address of the primary');
  if (walLevel !== 'logical') {
    throw unsupported(
      `its log does not hold rows (wal_level is ${walLevel}); run: ALTER SYSTEM SET wal_level = 'logical'; and restart the server (Amazon RDS: ` +
        `rds.logical_replication = 1; Cloud SQL: cloudsql.logical_decoding = on)`,
    );
  }
  return { retentionIsCapped: kept !== '-1' };
}

function unsupported(why: string): RowcastError {
  return new RowcastError('source_unsupported', `this database cannot be followed: ${why}`);
}
