import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../core/index.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = join(root, 'src/cli/index.ts');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowcast-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder }, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }));
  });
}

async function config(name: string, source: string, dialect: 'sqlite' | 'pg'): Promise<string> {
  const file = join(folder, name);
  const table = dialect === 'sqlite' ? 'sqliteTable' : 'pgTable';
  const from = (path: string): string => JSON.stringify(join(root, path));
  await writeFile(
    file,
    `import { ${table}, integer, text } from ${from(`node_modules/drizzle-orm/${dialect}-core/index.js`)};
import { bindingFor } from ${from('src/main/index.ts')};
import { drizzle } from ${from('src/drizzle/index.ts')};
import { sqlite } from ${from('src/sqlite/index.ts')};
import { postgres } from ${from('src/postgres/index.ts')};
import { memory } from ${from('src/memory/index.ts')};
const post = ${table}('post', { id: integer().primaryKey(), title: text() });
const posts = bindingFor()(drizzle(post), { fields: ['title'], groupNames: () => ['all'] });
void sqlite; void postgres; void memory;
export default { source: ${source}, bindings: { posts } };
`,
  );
  return file;
}

test('without a config it says how to write one', async () => {
  const { code, err } = await run('setup');
  expect(code).toBe(1);
  expect(err).toMatch(/rowcast\.config\.ts/);
});

test('what is no command is answered with the usage and code 2', async () => {
  expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('Usage') });
  expect(await run('drop')).toMatchObject({ code: 2 });
  expect(await run('setup', '--nonsense')).toMatchObject({ code: 2, err: expect.stringContaining('--nonsense') });
  expect(await run('doctor', 'now')).toMatchObject({ code: 2, err: expect.stringContaining('Usage') });
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('teardown') });
});

describe.each(['sqlite', 'postgres'] as const)('%s', (kind) => {
  let server: PostgresServer | undefined;
  let file: string;
  let change: (sql: string) => Promise<unknown>;
  let leftovers: () => Promise<readonly string[]>;

  beforeAll(async () => {
    if (kind === 'sqlite') {
      const path = join(folder, 'app.db');
      const database = new DatabaseSync(path);
      database.exec('CREATE TABLE post(id INTEGER PRIMARY KEY, title TEXT)');
      database.close();
      file = await config('sqlite.config.ts', `sqlite(${JSON.stringify(path)})`, 'sqlite');
      change = (sql) => {
        const app = new DatabaseSync(path);
        app.exec(sql);
        app.close();
        return Promise.resolve();
      };
      leftovers = () => {
        const reader = new DatabaseSync(path);
        const names = reader.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%rowcast%'").all();
        reader.close();
        return Promise.resolve(names.map(({ name }) => String(name)));
      };
      return;
    }
    server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '1GB' } });
    const { url } = server;
    await query(url, 'CREATE TABLE post(id int PRIMARY KEY, title text)');
    file = await config('postgres.config.ts', `postgres(${JSON.stringify(url)})`, 'pg');
    change = (sql) => query(url, sql);
    leftovers = async () => {
      const rows = await query(
        url,
        `SELECT nspname AS name FROM pg_namespace WHERE nspname = 'rowcast' UNION ALL SELECT pubname FROM pg_publication
         UNION ALL SELECT slot_name FROM pg_replication_slots UNION ALL SELECT relname FROM pg_class WHERE relname = 'post' AND relreplident <> 'd'`,
      );
      return rows.map(({ name }) => String(name));
    };
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('setup --sql prints every statement with its reason and does nothing', async () => {
    const { code, out } = await run('setup', '--sql', '--config', file);
    expect(code).toBe(0);
    expect(out).toMatch(/^-- .+\n.+;$/m);
    expect(await leftovers()).toEqual([]);
  });

  test('doctor prints what is missing with the SQL that makes it, and changes nothing', async () => {
    const { code, out } = await run('doctor', '--config', file);
    expect(code).toBe(0);
    expect(out).toMatch(/^warning .+: .+the next start makes it\n {2}CREATE .+;$/m);
    expect(out).toMatch(/: \d+ ok, \d+ warnings, 0 errors\n$/);
    expect(await leftovers()).toEqual([]);
  });

  test('setup applies them, and has nothing left to do the second time', async () => {
    expect(await run('setup', '--config', file)).toMatchObject({ code: 0, out: expect.stringMatching(/applied/) });
    expect(await leftovers()).not.toEqual([]);
    expect(await run('setup', '--json', '--config', file)).toMatchObject({ code: 0, out: '[]\n' });
  });

  test('doctor finds nothing amiss then; an error makes its exit code 1, and its JSON the list of what was looked at', async () => {
    const { code, out } = await run('doctor', '--config', file);
    expect([code, out]).toEqual([0, expect.stringMatching(/^(sqlite .+|postgres): \d+ ok, 0 warnings, 0 errors\n$/)]);
    await change('ALTER TABLE post RENAME TO gone');
    const broken = await run('doctor', '--json', '--config', file);
    expect(broken).toMatchObject({ code: 1, err: '' });
    const findings = JSON.parse(broken.out) as readonly Finding[];
    expect(findings.find(({ level }) => level === 'error')).toMatchObject({ about: 'table post', cure: [] });
    expect(findings.every(({ message, cure }) => message !== '' && Array.isArray(cure))).toBe(true);
    await change('ALTER TABLE gone RENAME TO post');
  });

  test('what would only print is of setup alone: a teardown that was to be looked at is not done', async () => {
    const before = await run('setup', '--sql', '--config', file);
    expect(await run('teardown', '--sql', '--config', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--sql is of setup alone'),
    });
    expect(await run('setup', '--sql', '--config', file)).toEqual(before);
    expect(await run('doctor', '--config', 'nowhere.ts')).toMatchObject({ code: 1, err: expect.stringContaining('which --config names') });
  });

  test('teardown says what it did and leaves nothing behind', async () => {
    const { code, out } = await run('teardown', '--config', file);
    expect(code).toBe(0);
    expect(out).toMatch(/DROP/);
    expect(await leftovers()).toEqual([]);
    expect(await run('teardown', '--config', file)).toMatchObject({ code: 0, out: expect.stringMatching(/nothing of Rowcast/) });
  });
});

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

test('doctor tells a server that cannot be reached as one error, and no password', async () => {
  const file = await config('far.config.ts', `postgres('postgres://u:canary@127.0.0.1:1/x')`, 'pg');
  const { code, out, err } = await run('doctor', '--config', file);
  expect([code, err]).toEqual([1, '']);
  expect(out).toMatch(/^error connection: .*ECONNREFUSED/);
  expect(out).not.toContain('canary');
});

test('doctor has nothing to look at where there is no database', async () => {
  const file = await config('memory.config.ts', 'memory()', 'pg');
  expect(await run('doctor', '--config', file)).toMatchObject({ code: 0, out: 'memory: there is nothing to look at\n' });
});
