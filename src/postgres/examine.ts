import type { Bound, Finding } from '../core/index.ts';
import { poolerFindings, replicationFindings } from './examine/access.ts';
import { error, failed, looked, ok, warning } from './examine/finding.ts';
import { journalFindings, journalLeftFindings } from './examine/journal.ts';
import { leaseFindings } from './examine/lease.ts';
import { publicationFindings } from './examine/publication.ts';
import { logFindings, serverFacts, serverFindings, type ServerFacts } from './examine/server.ts';
import { furtherFindings, LONG_OPEN, openFindings, slotFacts, slotFindings, strandedFindings } from './examine/slots.ts';
import { aboutTable, findTables, readingFindings, type Found } from './examine/tables.ts';
import { journalSteps, serverOf, type JournalSetup } from './journal/setup.ts';
import { checkServer } from './connection/server.ts';
import { pgSessions } from './connection/sessions.ts';
import { bookkeeping, SCHEMA } from './setup/bookkeeping.ts';
import { checkSlotName } from './log/slot.ts';
import { identifier, isPglite, type Sessions, type Sql } from './connection/sql.ts';
import type { PgTable } from './tables/tables.ts';
import { planByTriggers } from './by-triggers.ts';

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
  const findings = [...server, ...(await looked('connection', () => poolerFindings(settings.url)))];
  findings.push(...(await looked('schema rowcast', () => ownFindings(sessions))));
  const follow = settings.follow === 'triggers' ? byTriggers : byLog;
  findings.push(...(await follow({ sessions, settings, facts, found })), ...missing);
  for (const each of found) findings.push(...(await looked(aboutTable(each.table), () => readingFindings(sessions, each))));
  findings.push(...(await looked('lease', () => leaseFindings(sessions))));
  findings.push(...(await looked('open transactions', () => openFindings(sessions, settings.longOpen ?? LONG_OPEN))));
  return findings;
}

interface Place {
  readonly sessions: Sessions;
  readonly settings: Examined;
  readonly facts: ServerFacts;
  readonly found: readonly Found[];
}

async function byLog({ sessions, settings, facts, found }: Place): Promise<readonly Finding[]> {
  const { url, replicationUrl = url, slot = 'rowcast', publication = 'rowcast' } = settings;
  const slots = await slotFacts(sessions);
  const tables = found.map(({ table }) => table);
  const own = slots.find(({ name }) => name === slot);
  const system = await serverOf(sessions);
  return [
    ...logFindings(facts, { has: own !== undefined, reading: own?.reader != null }),
    ...(await looked('replication', () => replicationFindings(replicationUrl, { ...facts, system }))),
    ...(await looked(`slot ${slot}`, () => Promise.resolve(slotFindings(checkSlotName(slot), own, facts)))),
    ...furtherFindings(slot, slots),
    ...strandedFindings(slot, slots),
    ...(await looked(`publication ${publication}`, () => publicationFindings(sessions, publication, tables))),
    ...(await looked('journal', () => journalLeftFindings(sessions))),
  ];
}

async function byTriggers({ sessions, found }: Place): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const followed: PgTable[] = [];
  for (const { bound, table } of found) {
    try {
      await planByTriggers(sessions, [bound]);
      followed.push(table);
    } catch (failure) {
      findings.push(failed(aboutTable(table), failure));
    }
  }
  findings.push(...(await looked('journal', () => journalFindings(sessions, followed))));
  findings.push(...(await looked('log', () => logLeftFindings(sessions))));
  return findings;
}

/** What following the log left, where triggers are followed instead. */
async function logLeftFindings(sessions: Sessions): Promise<readonly Finding[]> {
  const others = [...(await bookkeeping(sessions)), ...(await journalSteps(sessions, []))];
  const steps = (await planByTriggers(sessions, [])).slice(others.length).map((step) => step.sql);
  if (steps.length === 0) return [];
  return [
    warning(
      'log',
      'a slot or a publication of following the log is left, and here triggers are followed: the next start removes it',
      ...steps,
    ),
  ];
}

/** What following by triggers on a connection that somebody else has opened needs: a PGlite. */
export async function examineEmbedded(sql: Sql, bound: readonly Bound[], setup: JournalSetup): Promise<readonly Finding[]> {
  return looked('database', async () => {
    const { found, findings } = await findTables(sql, bound);
    const tables = found.map(({ table }) => table);
    const own = await looked(`schema ${SCHEMA}`, () => ownFindings(sql));
    const journal = await looked('journal', () => journalFindings(sql, tables, setup));
    const reading = await Promise.all(found.map((each) => looked(aboutTable(each.table), () => readingFindings(sql, each))));
    return [...own, ...journal, ...findings, ...reading.flat()];
  });
}

/** Rowcast's own schema: there, and ours to use. */
async function ownFindings(sql: Sql): Promise<readonly Finding[]> {
  const about = `schema ${SCHEMA}`;
  const [row] = await sql.query(
    `SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE'), (SELECT coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE')
       AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
       AND has_table_privilege(c.oid, 'DELETE')), true) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relkind = 'r')`,
    [SCHEMA],
  );
  const [user = '', database = '', mayCreate, mayUse] = (row ?? []) as readonly string[];
  const role = identifier(user);
  if (mayUse !== 't') {
    const grants = [
      `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${role}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO ${role}`,
    ];
    return [error(about, `somebody else made it, and the user "${user}" may not use it`, ...grants)];
  }
  const steps = (await bookkeeping(sql)).map((step) => step.sql);
  if (steps.length === 0) return [ok(about, 'what Rowcast remembers in the database is there')];
  if (mayCreate === 't')
    return [warning(about, 'what Rowcast remembers in the database is not all there; the next start makes it', ...steps)];
  const grant = `GRANT CREATE ON DATABASE ${identifier(database)} TO ${role}`;
  return [
    error(about, `it is not all there, and the user "${user}" may not make it: let it, or run \`npx rowcast setup\` as one who may`, grant),
  ];
}
