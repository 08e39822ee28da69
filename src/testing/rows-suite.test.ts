import { describe, expect, test } from 'vitest';
import { BROKEN_ROWS } from '../../test/testing/broken-rows.ts';
import { memoryFixture } from '../../test/testing/memory-fixture.ts';
import { rowsSuite, type DatabaseFixture, type Skip } from './index.ts';
import { kindsTable } from './kinds.ts';

const KINDS = kindsTable('postgres').cases.map(({ name, column }) => ({
  name,
  isKey: column.shape !== 'json' && !column.sqlType.endsWith('[]'),
}));

const SKIPS: readonly Skip[] = [
  {
    reason: 'there is no SQL: a condition is met by all rows',
    tests: [
      'rows by conditions are those that meet one of them, in the order of the key, each once',
      'rows by conditions are paged like others',
    ],
  },
  {
    reason: 'there is no SQL, and a column holds what code has for it',
    tests: [
      'a column that the table does not have is unreadable in rows as in the log',
      ...KINDS.map(({ name }) => `${name} is read as the log has it, and found by what code has for it`),
      ...KINDS.filter(({ isKey }) => isKey).map(({ name }) => `a key of ${name}: every row comes once, in the database’s order`),
    ],
  },
  {
    reason: 'a commit is made at one stroke',
    tests: ['what is not committed is not read and not waited for, and comes by the log once it is'],
  },
  { reason: 'nothing outlives the process', tests: ['after a restart, rows are joined to the log from its floor'] },
];

rowsSuite(memoryFixture('memory', SKIPS), { describe, test });

/** A suite's laws, as its own runner gets them. */
function lawsOf(fixture: DatabaseFixture): ReadonlyMap<string, () => Promise<void>> {
  const laws = new Map<string, () => Promise<void>>();
  const keep = (name: string, law: () => Promise<void>): unknown => laws.set(name, law);
  rowsSuite(fixture, { describe: (_, body) => body(), test: Object.assign(keep, { skip: keep }) });
  return laws;
}

describe('the test of the test', () => {
  test.each(Object.entries(BROKEN_ROWS))('rows that %s are found by every law that forbids it', async (name, { rows, laws: named }) => {
    const laws = lawsOf(memoryFixture(name, SKIPS, (open) => ({ ...open, rows: rows(open.rows) })));
    for (const law of named) await expect(laws.get(law)?.(), law).rejects.toThrow();
  });
});
