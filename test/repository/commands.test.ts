import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

test('CI runs the very command that the README tells newcomers to run', () => {
  const [command] = /npm ci && npm test/.exec(read('README.md')) ?? [];
  expect(command).toBeDefined();
  expect(read('.ci/run')).toMatch(new RegExp(`^step \\d+ '${command}' bash -c '${command}'$`, 'm'));
});

test('every script that CI or CONTRIBUTING names is in package.json', () => {
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
  const named = [read('.ci/run'), read('CONTRIBUTING.md')].flatMap((text) =>
    [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !(name !== undefined && name in scripts))).toEqual([]);
});
