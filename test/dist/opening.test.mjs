// In a process of its own, which does nothing else: nothing there keeps it but what is waited for.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const APP = `
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
const file = process.env.APP_DB;
new DatabaseSync(file).exec('CREATE TABLE IF NOT EXISTS hot(id INTEGER PRIMARY KEY)');
const hot = bindingFor()(drizzle(sqliteTable('hot', { id: integer().primaryKey() })), { fields: '__all__', groupNames: () => ['all'] });
const live = await rowcast({ source: sqlite(file), bindings: { hot } });
console.log('open');
await live.close();
`;

const [major, minor] = process.versions.node.split('.').map(Number);
const skip = major < 22 || (major === 22 && minor < 13) ? 'no node:sqlite' : false;

test('an app that waits for Rowcast and does nothing else gets it, at its first start and at the next', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-opening-'));
  try {
    const cwd = fileURLToPath(new URL('../../', import.meta.url));
    const env = { ...process.env, APP_DB: join(folder, 'app.db') };
    const args = ['--no-warnings', '--input-type=module', '-e', APP];
    for (const start of ['first', 'next']) {
      assert.equal(execFileSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: 60_000 }), 'open\n', start);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
