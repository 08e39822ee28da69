import type { Finding } from '../../core/index.ts';
import { error, ok, size, warning } from './finding.ts';
import { aboutTable } from './tables.ts';
import { JOURNAL, journalLeft, journalSteps, type JournalSetup } from '../journal/setup.ts';
import type { Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** What following by triggers needs: the journal, and on each bound table triggers that always fire. */
export async function journalFindings(sql: Sql, tables: readonly PgTable[], setup: JournalSetup = {}): Promise<readonly Finding[]> {
  const own = await journalSteps(sql, [], setup);
  const [there] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [JOURNAL]);
  const isNew = there?.[0] !== 't';
  const findings = [await journal(sql, own.map((step) => step.sql))]; // prettier-ignore
  for (const table of tables) {
    const steps = (await journalSteps(sql, [table], setup)).slice(own.length).map((step) => step.sql);
    const about = aboutTable(table);
    const owner = steps.length === 0 ? null : await ownerOf(sql, table);
    if (steps.length === 0) findings.push(ok(about, 'its triggers tell the journal of every change, whoever makes it'));
    else if (owner !== null)
      findings.push(error(about, `its triggers are not all there and switched on; "${owner}", who owns it, has to run this`, ...steps));
    else if (isNew) findings.push(warning(about, 'it has no triggers yet; the next start makes them', ...steps));
    else findings.push(error(about, 'its triggers are not all there and switched on: changes go untold until the next start', ...steps));
  }
  return findings;
}

async function journal(sql: Sql, steps: readonly string[]): Promise<Finding> {
  if (steps.length > 0) return warning('journal', 'it is not there, or not whole; the next start makes it', ...steps);
  const [row] = await sql.query('SELECT pg_total_relation_size(to_regclass($1))', [JOURNAL]);
  return ok('journal', `it takes ${size(Number(row?.[0]))}`);
}

/** Null: it is ours. */
async function ownerOf(sql: Sql, { relation }: PgTable): Promise<string | null> {
  const [row] = await sql.query(
    `SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = $1::oid AND NOT pg_has_role(relowner, 'USAGE')`,
    [relation.oid],
  );
  return row?.[0] ?? null;
}

/** A journal where the log is read instead. */
export async function journalLeftFindings(sql: Sql): Promise<readonly Finding[]> {
  const steps = (await journalLeft(sql)).map((step) => step.sql);
  if (steps.length === 0) return [];
  const why =
    'it is of following by triggers, and here the log is read: the next start drops it. Processes that still follow by triggers need it';
  return [warning('journal', why, ...steps)];
}
