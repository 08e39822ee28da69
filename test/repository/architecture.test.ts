import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesUnder } from '../../scripts/floors/house.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
const rows = [...page.matchAll(/\| `([^`]+)` “([^”]+)”/g)].map(([, file = '', law = '']) => ({ file, law }));
const read = [...page.matchAll(/`((?:src|core|server|doors|client|sqlite|postgres|scripts|test)\/[\w./-]+\.ts)`/g)].map(
  ([, file = '']) => file,
);

/** A file's text; of a folder, that of all its files: the suites' laws lie in several. */
function textUnder(path: string): string {
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
  return filesUnder(path)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

describe('ARCHITECTURE.md', () => {
  test('names a test for each invariant', () => {
    expect(rows.length).toBe(page.split('| held by')[1]?.split('\n\n')[0]?.split('\n').slice(2).length);
  });

  test.each(rows)('$file: $law', ({ file, law }) => {
    const text = textUnder(join(root, file));
    const quoted = [`'${law.replaceAll("'", "\\'")}'`, `'${law}'`, `"${law}"`, `\`${law}\``];
    // A test's name, or a law's in a suite.
    expect(quoted.some((name) => text.includes(`(${name},`) || text.includes(` ${name}(`))).toBe(true);
  });

  test.each(read)('%s is there', (file) => {
    expect([file, `src/${file}`].some((path) => existsSync(join(root, path)))).toBe(true);
  });
});
