import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { integer as pgInteger, pgTable, text as pgText } from 'drizzle-orm/pg-core';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drizzle } from '../drizzle/index.ts';
import {
  bindingFor,
  explain,
  groupBy,
  membership,
  systemClock,
  type Database,
  type Explanation,
  type Question,
  type Watched,
} from '../main/index.ts';
import { postgres } from '../postgres/index.ts';
import { consoleLog } from '../server/index.ts';
import { sqlite } from '../sqlite/index.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = join(root, 'src/cli/index.ts');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowcast-looking-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs it without a terminal, and tells each line as it comes: on stderr that it listens, on stdout what it found. */
async function run(args: readonly string[], heard: (line: string) => void | Promise<void> = () => undefined): Promise<Ran> {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const told = { out: '', err: '' };
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    createInterface(stream).on('line', (line) => {
      told[name] += `${line}\n`;
      void heard(line);
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...told };
}

const TABLES = `CREATE TABLE post(id integer PRIMARY KEY, blog_id integer, title text, secret text);
  CREATE TABLE member(id integer PRIMARY KEY, user_id text, blog_id integer, role text)`;
const ROWS = `INSERT INTO post VALUES (1, 7, 'one', 'canary'), (2, NULL, 'nobody''s', 'canary'), (3, 8, 'three', 'canary');
  INSERT INTO member VALUES (1, 'ann', 7, 'editor')`;

async function config(name: string, source: string, dialect: 'sqlite' | 'pg'): Promise<string> {
  const file = join(folder, name);
  const table = dialect === 'sqlite' ? 'sqliteTable' : 'pgTable';
  const from = (path: string): string => JSON.stringify(join(root, path));
  await writeFile(
    file,
    `import { ${table}, integer, text } from ${from(`node_modules/drizzle-orm/${dialect}-core/index.js`)};
import { bindingFor, groupBy, membership } from ${from('src/main/index.ts')};
import { drizzle } from ${from('src/drizzle/index.ts')};
import { sqlite } from ${from('src/sqlite/index.ts')};
import { postgres } from ${from('src/postgres/index.ts')};
void sqlite; void postgres;
const post = ${table}('post', { id: integer().primaryKey(), blogId: integer('blog_id'), title: text(), secret: text() });
const member = ${table}('member', { id: integer().primaryKey(), userId: text('user_id'), blogId: integer('blog_id'), role: text() });
const binding = bindingFor();
const members = membership(drizzle(member), { user: 'userId', match: 'blogId', role: 'role' });
const fields = ['blogId', 'title'];
export default { source: ${source}, bindings: {
  posts: binding(drizzle(post), { fields, groupNames: groupBy('blogId'), canSubscribe: members }),
  asked: binding(drizzle(post), { fields, groupNames: groupBy('blogId'), canSubscribe: (user, { blogId }) => user?.blogs?.includes(blogId) ?? false }),
  plain: binding(drizzle(post), { fields, groupNames: (row) => (row.blogId === 7 ? ['seven', 'all'] : ['all']) }),
} };
export const connectionGroups = (user) => (user?.id === 'root' ? ['all'] : []);
`,
  );
  return file;
}

const ann = { id: 'ann' };
const binding = bindingFor<{ readonly id: string; readonly blogs?: readonly number[] } | null>();

const onSqlite = {
  post: drizzle(sqliteTable('post', { id: integer().primaryKey(), blogId: integer('blog_id'), title: text(), secret: text() })),
  member: drizzle(sqliteTable('member', { id: integer().primaryKey(), userId: text('user_id'), blogId: integer('blog_id'), role: text() })),
};
const onPostgres = {
  post: drizzle(pgTable('post', { id: pgInteger().primaryKey(), blogId: pgInteger('blog_id'), title: pgText(), secret: pgText() })),
  member: drizzle(
    pgTable('member', { id: pgInteger().primaryKey(), userId: pgText('user_id'), blogId: pgInteger('blog_id'), role: pgText() }),
  ),
};

function bindingsOf({ post, member }: typeof onSqlite | typeof onPostgres) {
  const members = membership(member, { user: 'userId', match: 'blogId', role: 'role' });
  const fields = ['blogId', 'title'] as const;
  return {
    posts: binding(post, { fields, groupNames: groupBy('blogId'), canSubscribe: members }),
    asked: binding(post, {
      fields,
      groupNames: groupBy('blogId'),
      canSubscribe: (user, { blogId }) => (blogId !== null && user?.blogs?.includes(blogId)) ?? false,
    }),
    plain: binding(post, { fields, groupNames: (row) => (row.blogId === 7 ? ['seven', 'all'] : ['all']) }),
  };
}

describe.each(['sqlite', 'postgres'] as const)('%s', (kind) => {
  const bindings = bindingsOf(kind === 'sqlite' ? onSqlite : onPostgres);
  let server: PostgresServer | undefined;
  let file: string;
  let change: (sql: string) => Promise<unknown>;
  let source: () => Database;
  let slots: () => Promise<readonly unknown[]>;

  beforeAll(async () => {
    if (kind === 'sqlite') {
      const path = join(folder, 'app.db');
      source = () => sqlite(path);
      change = async (sql) => {
        const app = new DatabaseSync(path);
        app.exec(sql);
        app.close();
      };
      slots = () => Promise.resolve([]);
      file = await config('sqlite.config.ts', `sqlite(${JSON.stringify(path)})`, 'sqlite');
    } else {
      server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '1GB' } });
      const { url } = server;
      source = () => postgres(url);
      change = (sql) => query(url, sql);
      slots = () => query(url, 'SELECT slot_name FROM pg_replication_slots WHERE temporary');
      file = await config('postgres.config.ts', `postgres(${JSON.stringify(url)})`, 'pg');
    }
    await change(TABLES);
    await change(ROWS);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('neither looks on where nothing is set up: it says what is missing and changes nothing', async () => {
    for (const args of [['tail'], ['explain', 'posts', '1']]) {
      expect(await run([...args, '--config', file])).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^setup_needed: /) });
    }
    expect(await run(['setup', '--config', file])).toMatchObject({ code: 0 });
  });

  test('tail prints each commit and who gets what of it, as the rule has it, and ends after so many', async () => {
    const ran = await run(['tail', '--count', '2', '--config', file], async (line) => {
      if (line.includes('from here on')) await change(`INSERT INTO post VALUES (4, 7, 'four', 'canary')`);
      if (line.includes('plain 4 {"blogId":7')) await change(`UPDATE post SET blog_id = 8 WHERE id = 4`);
    });
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/posts 4 \{"blogId":7,"title":"four"\}\n {4}create for blogId=7\n/);
    expect(ran.out).toMatch(/posts 4 \{"blogId":8,"title":"four"\}\n {4}delete for blogId=7\n {4}create for blogId=8\n/);
    expect(ran.out).toMatch(/plain 4 .*\n {4}delete for seven\n {4}update for all\n/);
    expect(ran.out).not.toContain('canary');
    expect(await slots()).toEqual([]);
  });

  test('tail of one stream as JSON is a line for each commit that concerns it', async () => {
    const { code, out } = await run(['tail', 'posts', '--json', '--count', '1', '--config', file], async (line) => {
      if (line.includes('from here on'))
        await change(`INSERT INTO member VALUES (2, 'cy', 7, 'owner'); INSERT INTO post VALUES (5, 7, 'five', 'canary')`);
    });
    expect(code).toBe(0);
    const [line, end] = out.split('\n');
    expect(end).toBe('');
    const commit = JSON.parse(line as string) as Watched;
    expect(commit.rows.every(({ stream }) => stream === 'posts')).toBe(true);
    expect(commit.rows[0]).toMatchObject({ fields: { blogId: 7, title: 'five' }, groups: [{ group: 'blogId=7', action: 'create' }] });
  });

  /** In this process: what the command prints as JSON. */
  function why(stream: string, key: number, { user = null, groups = [], set = null }: Partial<Question> = {}): Promise<Explanation> {
    return explain({ source: source(), bindings }, { clock: systemClock, log: consoleLog }, { stream, key, user, groups, set });
  }

  test('explain says by what a row is seen: membership, canSubscribe, connectionGroups', async () => {
    expect(await why('posts', 1, { user: ann })).toMatchObject({
      sees: true,
      before: ['blogId=7'],
      held: [{ group: 'blogId=7', by: 'membership' }],
      memberships: [{ match: [7], role: 'editor' }],
      fields: { blogId: 7, title: 'one' },
    });
    expect(await why('asked', 1, { user: { id: 'bob', blogs: [7] } })).toMatchObject({ sees: true, held: [{ by: 'canSubscribe' }] });
    expect(await why('posts', 3, { groups: [bindings.posts.group({ blogId: 8 })] })).toMatchObject({
      sees: true,
      held: [{ by: 'connectionGroups' }],
    });
    expect(await why('plain', 1, { groups: ['all'] })).toMatchObject({ sees: true, before: ['seven', 'all'] });
  });

  test('explain says why a row is not seen, in words', async () => {
    const of = async (...args: Parameters<typeof why>): Promise<string> => {
      const { sees, fields, words } = await why(...args);
      expect([sees, fields]).toEqual([false, null]);
      return words.join(' ');
    };
    expect(await of('posts', 1, { user: { id: 'bob' } })).toMatch(/belongs to nothing.* no group at all/);
    expect(await of('posts', 3, { user: ann })).toMatch(/in blogId=8.*says \[7\] as editor.*none of its groups is theirs/);
    expect(await of('posts', 2, { user: ann })).toMatch(/in no group.*is NULL/);
    expect(await of('asked', 1, { user: { id: 'bob', blogs: [9] } })).toMatch(/`canSubscribe` says no to blogId=7/);
    expect(await of('posts', 1, { groups: ['all'] })).toMatch(/group all is none of this stream's/);
    expect(await of('posts', 999)).toMatch(/There is no row 999.*nothing to see/);
  });

  test('explain says what the change of a row would tell: what leaves a view is a delete without data', async () => {
    expect(await why('posts', 1, { user: ann, set: { title: 'new' } })).toMatchObject({ told: 'update', fields: { title: 'new' } });
    expect(await why('posts', 1, { user: ann, set: { blogId: 8 } })).toMatchObject({ told: 'delete', after: ['blogId=8'], fields: null });
    expect(await why('posts', 3, { user: ann, set: { blogId: 7 } })).toMatchObject({ sees: false, told: 'create', fields: { blogId: 7 } });
    expect(await why('posts', 3, { user: { id: 'bob' }, set: { title: 'new' } })).toMatchObject({ told: null, fields: null });
    await expect(why('nothing', 1)).rejects.toThrow(/no stream; there are posts/);
    await expect(why('posts', 1, { set: { other: 1 } })).rejects.toThrow(/"other" is no column/);
  });

  test('the command refuses what cannot be asked, asks the config for groups, and prints words without --json', async () => {
    expect(await run(['explain', 'posts', '{"a":1}', '--config', file])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no key of/),
    });
    const json = await run(['explain', 'plain', '1', '--user', 'root', '--json', '--config', file]);
    expect([json.code, json.err]).toEqual([0, '']);
    expect(JSON.parse(json.out)).toMatchObject({ sees: true, held: [{ group: 'all', by: 'connectionGroups' }] });
    const { out } = await run(['explain', 'posts', '1', '--user', 'ann', '--config', file]);
    expect(out).toMatch(/So the user sees the row: blogId, title\.\n\{"blogId":7,"title":"one"\}\n$/);
    expect(await slots()).toEqual([]);
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
