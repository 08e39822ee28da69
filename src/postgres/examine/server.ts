import type { Finding } from '../../core/index.ts';
import { error, ok, size, span, warning } from './finding.ts';
import { BY_TRIGGERS } from '../connection/server.ts';
import type { Sql } from '../connection/sql.ts';

/** How a server stands: what most findings depend on. */
export interface ServerFacts {
  /** 180004. */
  readonly version: number;
  readonly versionText: string;
  readonly standby: boolean;
  readonly walLevel: string;
  readonly slots: { readonly most: number; readonly taken: number };
  readonly senders: { readonly most: number; readonly taken: number };
  /** How much log is kept for one slot, in bytes, and as the setting says it; null: without end. */
  readonly cap: { readonly bytes: number; readonly text: string } | null;
  /** Seconds after which a slot that nobody reads by is cut off; 0: never. */
  readonly idle: number;
  readonly user: string;
  readonly superuser: boolean;
  readonly database: string;
}

const QUERY = `SELECT json_build_object(
  'version', current_setting('server_version_num')::int, 'versionText', current_setting('server_version'),
  'standby', pg_is_in_recovery(), 'walLevel', current_setting('wal_level'),
  'slots', json_build_object('most', current_setting('max_replication_slots')::int, 'taken', (SELECT count(*) FROM pg_replication_slots)),
  'senders', json_build_object('most', current_setting('max_wal_senders')::int, 'taken', (SELECT count(*) FROM pg_stat_replication)),
  'cap', (SELECT json_build_object('bytes', pg_size_bytes(setting || unit), 'text', current_setting(name))
    FROM pg_settings WHERE name = 'max_slot_wal_keep_size' AND setting <> '-1'),
  'idle', coalesce(extract(epoch FROM current_setting('idle_replication_slot_timeout', true)::interval), 0),
  'user', current_user, 'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), 'database', current_database())::text`;

export async function serverFacts(sql: Sql): Promise<ServerFacts> {
  const [row] = await sql.query(QUERY);
  return JSON.parse(row?.[0] ?? '{}') as ServerFacts;
}

export function serverFindings({ version, versionText, standby }: ServerFacts): readonly Finding[] {
  if (version < 150_000) return [error('server', `Postgres 15 or newer is needed, this is ${versionText}`)];
  if (standby) return [error('server', 'this is a standby, which nobody can write to or follow; use the address of the primary')];
  return [ok('server', `Postgres ${versionText}, a primary`)];
}

/** An hour: what a deployment, or a machine that has to be looked after, may take. */
const SHORT_IDLE = 3_600;

/** What the server must allow for its log to be followed. `reading`: somebody reads by our slot right now. */
export function logFindings(
  facts: ServerFacts,
  { reading, has }: { readonly reading: boolean; readonly has: boolean },
): readonly Finding[] {
  return [walLevel(facts), slots(facts, has), senders(facts, reading), retention(facts), ...idle(facts)];
}

function walLevel({ walLevel: level }: ServerFacts): Finding {
  if (level === 'logical') return ok('wal_level', 'the log holds rows');
  return error(
    'wal_level',
    `the log does not hold rows (wal_level is ${level}). Run this and restart the server (Amazon RDS: rds.logical_replication = 1; Cloud SQL: ` +
      `cloudsql.logical_decoding = on); or follow without the log: ${BY_TRIGGERS}`,
    `ALTER SYSTEM SET wal_level = 'logical'`,
  );
}

function slots({ slots: { most, taken } }: ServerFacts, has: boolean): Finding {
  const said = `${taken} of ${most} replication slots are taken`;
  if (has || taken < most) return ok('max_replication_slots', said);
  return error(
    'max_replication_slots',
    `${said}, and each process needs one: drop one that nobody needs, or run this and restart the server`,
    `ALTER SYSTEM SET max_replication_slots = ${most + 10}`,
  );
}

function senders({ senders: { most, taken } }: ServerFacts, reading: boolean): Finding {
  const said = `${taken} of ${most} connections that may read the log are taken`;
  if (reading || taken < most) return ok('max_wal_senders', said);
  return error(
    'max_wal_senders',
    `${said}, and each process needs one: run this and restart the server`,
    `ALTER SYSTEM SET max_wal_senders = ${most + 10}`,
  );
}

function retention({ cap }: ServerFacts): Finding {
  if (cap) return ok('max_slot_wal_keep_size', `at most ${cap.text} of the log is kept for a reader that is away`);
  return warning(
    'max_slot_wal_keep_size',
    'nothing limits what the server keeps for a reader that is away, which could fill its disk; so the log is kept only while a process runs, and ' +
      'after a restart, or once another process reads for all, every viewer reads again',
    `ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'`,
    'SELECT pg_reload_conf()',
  );
}

function idle({ version, idle: seconds }: ServerFacts): readonly Finding[] {
  if (version < 180_000) return [];
  const about = 'idle_replication_slot_timeout';
  if (seconds === 0) return [ok(about, 'a slot that nobody reads by is not cut off for that alone')];
  const said = `a slot that nobody reads by for ${span(seconds)} is cut off, and every viewer reads again`;
  if (seconds >= SHORT_IDLE) return [ok(about, said)];
  return [warning(about, `${said}: a deployment may take longer`, `ALTER SYSTEM SET ${about} = '1d'`, 'SELECT pg_reload_conf()')];
}

export function retained(bytes: number, cap: ServerFacts['cap']): string {
  return cap ? `${size(bytes)} of the ${cap.text} that may be kept` : size(bytes);
}
