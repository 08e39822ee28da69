import type { Bound, Finding } from '../core/index.ts';
import { poolerFindings, replicationFindings } from './examine-access.ts';
import { error, failed, looked, ok, warning } from './examine-finding.ts';
import { journalFindings, leftTriggers } from './examine-journal.ts';
import { publicationFindings } from './examine-publication.ts';
import { logFindings, serverFacts, serverFindings, type ServerFacts } from './examine-server.ts';
import { LONG_OPEN, openFindings, slotFacts, slotFindings, strandedFindings } from './examine-slots.ts';
import { findTables, readingFindings } from './examine-tables.ts';
import { checkServer } from './server.ts';
import { pgSessions } from './sessions.ts';
import { bookkeeping, SCHEMA } from './setup.ts';
import { checkSlotName } from './slot.ts';
import { identifier, isPglite, type Sessions, type Sql } from './sql.ts';
import type { PgTable } from './tables.ts';

/** The settings that say how a database is followed. */
export interface Examined {
  readonly url: string;
  readonly replicationUrl?: string;
  readonly slot?: string;
  readonly publication?: string;
  readonly follow?: 'log' | 'triggers';
  /** Seconds after which an open transaction is worth a word. */
  readonly longOpen?: number;
}

/** Looks at everything that following these models on a Postgres server needs: the contract is `examine` of `core/ports/database.ts`. */
export async function examine(settings: Examined, bound: readonly Bound[]): Promise<readonly Finding[]> {
  return looked('connection', async () => {
    const sessions = await pgSessions(settings.url, { connections: 2 });
    try {
      const unreachable = await reached(sessions);
      return unreachable ?? (await within(sessions, settings, bound));
    } finally {
      await sessions.close();
    }
  });
}

/** Why nothing more can be looked at; null when it can. */
async function reached(sql: Sql): Promise<readonly Finding[] | null> {
  try {
    await sql.query('SELECT 1');
  } catch {
    // Says what to do about it; and it is asked again, so it may have come back.
    return checkServer(sql).then(() => null, (refusal: unknown) => [failed('connection', refusal)]); // prettier-ignore
  }
  if (await isPglite(sql)) return [error('server', 'this is PGlite, which keeps no log that can be read; use pglite(…)')];
  return null;
}

async function within(sessions: Sessions, settings: Examined, bound: readonly Bound[]): Promise<readonly Finding[]> {
  const facts = await serverFacts(sessions);
  const server = serverFindings(facts);
  if (server.some(({ level }) => level === 'error')) return server;
  const { found, findings: missing } = await findTables(sessions, bound);
  const tables = found.map(({ table }) => table);
  const findings = [...server, ...(await looked('connection', () => poolerFindings(settings.url)))];
  findings.push(...(await looked('schema rowcast', () => ownFindings(sessions, facts))));
  const follow = settings.follow === 'triggers' ? byTriggers : byLog;
  findings.push(...(await follow({ sessions, settings, facts, tables })), ...missing);
  for (const each of found) findings.push(...(await looked(`table ${each.table.id}`, () => readingFindings(sessions, each))));
  findings.push(...(await looked('open transactions', () => openFindings(sessions, settings.longOpen ?? LONG_OPEN))));
  return findings;
}

interface Place {
  readonly sessions: Sessions;
  readonly settings: Examined;
  readonly facts: ServerFacts;
  readonly tables: readonly PgTable[];
}

async function byLog({ sessions, settings, facts, tables }: Place): Promise<readonly Finding[]> {
  const { url, replicationUrl = url, slot = 'rowcast', publication = 'rowcast' } = settings;
  const slots = await slotFacts(sessions);
  const own = slots.find(({ name }) => name === slot);
  const system = await systemOf(sessions);
  return [
    ...logFindings(facts, { has: own !== undefined, reading: own?.reader != null }),
    ...(await looked('replication', () => replicationFindings(replicationUrl, { ...facts, system }))),
    ...(await looked(`slot ${slot}`, () => Promise.resolve(slotFindings(checkSlotName(slot), own, facts)))),
    ...strandedFindings(slot, slots),
    ...(await looked(`publication ${publication}`, () => publicationFindings(sessions, publication, tables))),
    ...(await looked('journal', () => leftTriggers(sessions))),
  ];
}

async function byTriggers({ sessions, tables }: Place): Promise<readonly Finding[]> {
  return [...(await looked('journal', () => journalFindings(sessions, tables))), ...strandedFindings('', await slotFacts(sessions))];
}

/** Names the server, as a reader of its log is told it; null where it does not say so in SQL. */
async function systemOf(sql: Sql): Promise<string | null> {
  try {
    const [row] = await sql.query('SELECT system_identifier FROM pg_control_system()');
    return row?.[0] ?? null;
  } catch {
    return null;
  }
}

/** Rowcast's own schema: there, and ours to use. */
async function ownFindings(sql: Sql, { user, database }: ServerFacts): Promise<readonly Finding[]> {
  const about = `schema ${SCHEMA}`;
  const role = identifier(user);
  const [row] = await sql.query(
    `SELECT has_database_privilege(current_database(), 'CREATE'), (SELECT coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE')
       AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
       AND has_table_privilege(c.oid, 'DELETE')), true) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relkind = 'r')`,
    [SCHEMA],
  );
  const [mayCreate, mayUse] = (row ?? []).map((value) => value === 't');
  if (!mayUse) {
    const grants = [
      `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${role}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO ${role}`,
    ];
    return [error(about, `somebody else made it, and the user "${user}" may not use it`, ...grants)];
  }
  const steps = (await bookkeeping(sql)).map((step) => step.sql);
  if (steps.length === 0) return [ok(about, 'what Rowcast remembers in the database is there')];
  if (mayCreate) return [warning(about, 'what Rowcast remembers in the database is not all there; the next start makes it', ...steps)];
  const grant = `GRANT CREATE ON DATABASE ${identifier(database)} TO ${role}`;
  return [
    error(about, `it is not all there, and the user "${user}" may not make it: let it, or run \`npx rowcast setup\` as one who may`, grant),
  ];
}
