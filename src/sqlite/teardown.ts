import type { SetupStep } from '../core/index.ts';
import type { Connection } from './connection.ts';
import { ident } from './sql.ts';

export interface Teardown {
  readonly inTransaction: readonly SetupStep[];
  /** The journal mode put back: no transaction can hold it. */
  readonly after: SetupStep | null;
}

/** All that any step ever made. SQLite's own `sqlite_sequence` cannot be dropped; it stays, empty, where the app had none. */
export function teardownSteps(connection: Connection): Teardown {
  const named = (type: string): readonly string[] =>
    connection
      .all("SELECT name FROM sqlite_schema WHERE type = ? AND name LIKE '\\_rowcast\\_%' ESCAPE '\\' ORDER BY rowid", type)
      .map(([name]) => name as string);
  const tables = named('table');
  const mode = tables.includes('_rowcast_meta')
    ? (connection.all("SELECT value FROM _rowcast_meta WHERE name = 'journal_mode'")[0]?.[0] as string | undefined)
    : undefined;
  return {
    inTransaction: [
      ...named('trigger').map((name) => ({ sql: `DROP TRIGGER ${ident(name)}`, why: 'ends following the table' })),
      ...tables.map((name) => ({ sql: `DROP TABLE ${ident(name)}`, why: 'removes what Rowcast kept' })),
    ],
    after:
      mode && mode !== 'wal' && JOURNAL_MODES.includes(mode) ? { sql: 'PRAGMA journal_mode = ' + mode, why: 'as it was before' } : null,
  };
}

const JOURNAL_MODES = ['delete', 'truncate', 'persist', 'memory', 'off'];
