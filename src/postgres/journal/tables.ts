import { RowcastError } from '../../core/index.ts';
import { journalSteps, type JournalSetup } from './setup.ts';
import { readStanding } from '../log/publication.ts';
import { applySteps, refuseMissing } from '../setup/steps.ts';
import type { Sessions, Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** @throws {RowcastError} `source_unsupported` for a table whose rows come or go without a trigger of its own, with the cure. */
export async function refuseUntold(sql: Sql, tables: readonly PgTable[]): Promise<void> {
  const { tables: standing } = await readStanding(sql, '', tables);
  for (const [at, table] of tables.entries()) {
    const { persistence, child } = standing[at] ?? { persistence: null, child: null };
    const why = whyUntold(table, persistence, child);
    if (why !== null) throw new RowcastError('source_unsupported', `the table ${table.id} cannot be followed: ${why}`);
  }
}

function whyUntold({ id, sql }: PgTable, persistence: string | null, child: string | null): string | null {
  if (persistence === null) return 'it was dropped since it was looked up; create it again and restart';
  if (persistence !== 'p') return `it is unlogged, so a crash empties it without a word; run: ALTER TABLE ${sql} SET LOGGED`;
  if (child === null) return null;
  return (
    `${child} inherits from it, and the triggers of ${id} do not see its rows; run: ALTER TABLE ${child} NO INHERIT ${sql}, or partition the ` +
    `table instead`
  );
}

/** Makes the triggers of a table again, as far as that is allowed. Rejects, with the cure, where it is not or would be of no use. */
export function restoring(
  sessions: Sessions,
  { setup, ...options }: JournalSetup & { readonly setup: 'auto' | 'check' },
): (table: PgTable) => Promise<void> {
  return async (table) => {
    await refuseUntold(sessions, [table]);
    const steps = await journalSteps(sessions, [table], options);
    if (setup === 'check') refuseMissing(steps);
    await applySteps(sessions, steps);
  };
}
