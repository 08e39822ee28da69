import type { Finding } from '../core/index.ts';
import { error, ok, size, warning } from './examine-finding.ts';
import { aboutTable } from './examine-tables.ts';
import { JOURNAL, journalGone, journalSteps } from './journal-setup.ts';
import type { Sql } from './sql.ts';
import type { PgTable } from './tables.ts';

/** What following by triggers needs: the journal, and on each bound table triggers that always fire. */
export async function journalFindings(sql: Sql, tables: readonly PgTable[]): Promise<readonly Finding[]> {
  const own = await journalSteps(sql, []);
  const findings = [
    own.length === 0 ? await journal(sql) : warning('journal', 'it is not whole; the next start makes it', ...own.map((step) => step.sql)),
  ];
  for (const table of tables) {
    const steps = (await journalSteps(sql, [table])).slice(own.length);
    if (steps.length === 0) findings.push(ok(aboutTable(table), 'its triggers tell the journal of every change, whoever makes it'));
    else
      findings.push(
        error(
          aboutTable(table),
          'not all of its triggers are there and always fire: changes may go untold',
          ...steps.map((step) => step.sql),
        ),
      );
  }
  return findings;
}

async function journal(sql: Sql): Promise<Finding> {
  const [row] = await sql.query('SELECT pg_total_relation_size(to_regclass($1))', [JOURNAL]);
  return ok('journal', `it takes ${size(Number(row?.[0]))}`);
}

/** Triggers that write a journal, where the log is read instead. */
export async function leftTriggers(sql: Sql): Promise<readonly Finding[]> {
  const steps = await journalGone(sql);
  if (steps.length === 0) return [];
  const why = 'triggers write to it, and here the log is read: if no process follows this database by triggers any more, drop them';
  return [warning('journal', why, ...steps.map((step) => step.sql))];
}
