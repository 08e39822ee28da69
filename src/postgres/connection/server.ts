import { RowcastError } from '../../core/index.ts';
import { isPglite, type Sql } from './sql.ts';

export interface Server {
  /** 180004. */
  readonly version: number;
  /** What the server keeps for a slot that nobody reads has an end; without one it would fill the disk. */
  readonly retentionIsCapped: boolean;
}

/** @throws {RowcastError} `source_unsupported`, with the cure, when this server cannot be followed: by its log, or at all. */
export async function checkServer(sql: Sql, follow: 'log' | 'triggers' = 'log'): Promise<Server> {
  try {
    await sql.query('SELECT 1');
  } catch (error) {
    throw unreachable(error);
  }
  if (await isPglite(sql)) throw unsupported('this is PGlite, which keeps no log that can be read; use pglite(…)');
  const [row] = await sql.query(
    `SELECT current_setting('server_version_num'), pg_is_in_recovery(), current_setting('wal_level'), current_setting('max_slot_wal_keep_size')`,
  );
  const [version, standby, walLevel, kept] = row ?? [];
  if (Number(version) < 150_000) throw unsupported(`Postgres 15 or newer is needed, this is ${version}`);
  if (standby === 't') throw unsupported('this is a standby; use the address of the primary');
  if (follow === 'log' && walLevel !== 'logical') {
    throw unsupported(
      `its log does not hold rows (wal_level is ${walLevel}); run: ALTER SYSTEM SET wal_level = 'logical'; and restart the server (Amazon RDS: ` +
        `rds.logical_replication = 1; Cloud SQL: cloudsql.logical_decoding = on); or follow it without its log: ${BY_TRIGGERS}`,
    );
  }
  return { version: Number(version), retentionIsCapped: kept !== '-1' };
}

/** The way that needs no right of replication and no setting of the server. */
export const BY_TRIGGERS = `postgres({ url, follow: 'triggers' })`;

/** What a first connection fails of, and what to do about it. The address itself may hold a password: it is not repeated. */
function unreachable(cause: unknown): unknown {
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
  const cure = CURES[String(code)];
  if (cure === undefined) return cause;
  return new RowcastError('source_unreachable', `cannot connect to Postgres: ${String(message)}; ${cure}`);
}

const CURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is it running, and is the URL (DATABASE_URL) right?',
  ENOTFOUND: 'is the host in the URL (DATABASE_URL) right?',
  ETIMEDOUT: 'can this machine reach it?',
  '28P01': 'check the user and the password in the URL (DATABASE_URL)',
  '28000': 'check the user in the URL (DATABASE_URL), and pg_hba.conf',
  '3D000': 'make the database, or name another in the URL (DATABASE_URL)',
};

function unsupported(why: string): RowcastError {
  return new RowcastError('source_unsupported', `this database cannot be followed: ${why}`);
}
