import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { clientAt, listening, roundTrip } from './served.ts';

const PATIENCE = { timeout: 30_000 };

const program = (version: number): string => `
import { createServer } from 'node:http';
import { drizzle } from ${JSON.stringify(new URL('../../src/drizzle/index.ts', import.meta.url).href)};
import { bindingFor, rowcast } from ${JSON.stringify(new URL('../../src/main/index.ts', import.meta.url).href)};
import { memory } from ${JSON.stringify(new URL('../../src/memory/index.ts', import.meta.url).href)};
import { integer, sqliteTable, text } from ${JSON.stringify(import.meta.resolve('drizzle-orm/sqlite-core'))};

const table = sqliteTable('integer_value', { id: integer('id').primaryKey(), name: text('name').notNull(), value: integer('value') });
const intval = bindingFor()(drizzle(table), {
  fields: ['name', 'value'],
  groupNames: () => ['intval-updates'],
  hasPermission: () => true,
});
const live = await rowcast({ source: memory(), bindings: { intval } });
live.endpoint('/binding/', { connectionGroups: () => ['intval-updates'] });
const http = createServer((request, response) => response.end('version ${version}, process ' + process.pid));
live.attach(http);
process.once('SIGTERM', async () => {
  http.close();
  await live.close();
  http.closeAllConnections();
});
http.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('ready ${version}'));
`;

test('under node --watch: a changed file is a new process on the same port, and clients come back to it', { timeout: 90_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-watch-'));
  const file = join(folder, 'server.mjs');
  await writeFile(file, program(1));
  const port = await freePort();
  const child = spawn(process.execPath, ['--watch', file], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const client = clientAt(`ws://127.0.0.1:${port}/binding/`);
  // Also when the test is given up on.
  onTestFinished(async () => {
    client.close();
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const seen: string[] = [];
  client.on('status', (status) => seen.push(status));
  const page = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
  await expect.poll(() => said, PATIENCE).toContain('ready 1');
  expect(await roundTrip(client, 'before')).toMatchObject({ name: 'before' });
  const first = await page();
  expect(first).toMatch(/^version 1, /);

  seen.length = 0;
  await writeFile(file, program(2));
  await expect.poll(() => said, PATIENCE).toContain('ready 2');
  expect(await roundTrip(client, 'after')).toMatchObject({ name: 'after' });
  expect(seen.at(-1)).toBe('open');
  expect(seen).toContain('waiting');
  const second = await page();
  expect(second).toMatch(/^version 2, /);
  expect(second.split('process')[1]).not.toBe(first.split('process')[1]);
  expect(said).not.toMatch(/EADDRINUSE|Error/);
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  const port = await listening(probe);
  probe.close();
  await once(probe, 'close');
  return port;
}
