import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindingFor, type Bindings } from '../../src/main/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';
import { kindsTable } from '../../src/testing/kinds.ts';
import { connect } from '../postgres/fixture.ts';
import { startPostgres } from '../servers/postgres.ts';
import type { Viewer } from '../support/viewer.ts';
import { world, type World } from '../support/world.ts';

// Every kind of column × what a client may send for it: stored exactly, and told as it was stored, or refused as `invalid` with nothing changed.

/** As JSON has them: a number that JavaScript cannot hold is one of them. */
const VALUES = [
  'null',
  'true',
  '0',
  '-0',
  '1.5',
  '-1',
  '9007199254740993',
  '1e308',
  '3e9',
  '""',
  '"NaN"',
  '"Infinity"',
  '"-infinity"',
  '"0044-03-15 BC"',
  '"294277-01-01T00:00:00Z"',
  '"9007199254740993"',
  `"${'x'.repeat(20_000)}"`,
  '"a\\u0000b"',
  '{}',
  '{"a":[{"b":null}]}',
  '[]',
  '[[1],[2,3]]',
] as const;

/** Unicode that a store may fold, cut or refuse, and must not change: NUL, marks, directions, both forms of one letter, beyond the first plane. */
const UNICODE = [
  '\u0000', 'a\u0000', '\u0001', '\u001b[31m', '\u007f', '\u0080', '\u0085', '\u00a0', '\u00ad', '\u00e9', 'e\u0301', '\u0130', '\u0131', '\u00df', '\u1e9e',
  '\u0378', '\u0600', '\u061c', '\u0627\u0644', '\u05d0', '\u115f', '\u1160', '\u17b4', '\u180e', '\u200b', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029',
  '\u202a', '\u202e', '\u2060', '\u2066', '\u2069', '\u206a', '\u212b', '\u00c5', 'A\u030a', '\u2126', '\u3000', '\u3164', '\uac00', '\u1100\u1161', '\ufb01',
  '\ufdfa', '\ufe0f', '\ufeff', '\uff21', '\ufff9', '\ufffc', '\ufffd', '\ufffe', '\uffff', '\u{10000}', '\u{1f3f3}\ufe0f\u200d\u{1f308}', '\u{1f468}\u200d\u{1f469}', '\u{e0001}', '\u{10fffd}', '\u{10ffff}',
  'x'.repeat(10_000) + '\u{1f40e}', 'z\u0300\u0301\u0302'.repeat(50),
]; // prettier-ignore

interface Opened extends AsyncDisposable {
  readonly source: Parameters<typeof world>[0]['source'];
  run(sql: string): Promise<unknown>;
  all(sql: string): Promise<readonly unknown[]>;
}

const OPEN: Readonly<Record<'postgres' | 'sqlite', () => Promise<Opened>>> = {
  async postgres() {
    const server = await startPostgres({ settings: { max_slot_wal_keep_size: '1GB' } });
    const app = await connect(server.url);
    return {
      source: postgres(server.url),
      run: (sql) => app.run(sql),
      all: (sql) => app.all(sql),
      async [Symbol.asyncDispose]() {
        await app.close();
        await server[Symbol.asyncDispose]();
      },
    };
  },
  async sqlite() {
    const folder = await mkdtemp(join(tmpdir(), 'rowcast-matrix-'));
    const app = new DatabaseSync(join(folder, 'app.db'), { timeout: 5_000 });
    return {
      source: sqlite(join(folder, 'app.db')),
      run: (sql) => Promise.resolve(app.exec(sql)),
      all: (sql) => {
        const statement = app.prepare(sql);
        statement.setReadBigInts(true);
        return Promise.resolve(statement.all());
      },
      async [Symbol.asyncDispose]() {
        app.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};

const SELECT = {
  // The log tells of a commit a moment before every query shows it; a lock waits for that moment.
  postgres: 'SELECT kinds::text AS text FROM kinds FOR SHARE',
  sqlite: 'SELECT * FROM kinds',
} as const;

describe.each(['postgres', 'sqlite'] as const)('on %s', (dialect) => {
  const { ddl, model, cases } = kindsTable(dialect);
  const columns = cases.map((_, at) => `c${at}`);
  let opened: Opened;
  let w: World<Bindings>;
  let viewer: Viewer;

  beforeAll(async () => {
    opened = await OPEN[dialect]();
    for (const sql of ddl) await opened.run(sql);
    await opened.run('INSERT INTO kinds (id) VALUES (1)');
    const kinds = bindingFor<null>()(model, { fields: columns as never, groupNames: () => ['all'], hasPermission: () => true });
    w = (await world({ source: opened.source as never, bindings: { kinds } })) as never;
    w.live.endpoint('/', { connectionGroups: () => ['all'], limits: { burst: 1e9, framesPerSecond: 1e9 } });
    viewer = await w.viewer('/');
  });
  afterAll(async () => {
    await w[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
  });

  let ids = 0;
  const row = async (): Promise<string> => {
    const [only] = await opened.all(SELECT[dialect]);
    return JSON.stringify(only, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  };

  /** Writes one value, as JSON text. @returns what the viewer was told that it is now, as JSON text; null: it was refused. */
  async function written(column: string, value: string): Promise<string | null> {
    const before = await row();
    viewer.send(`{"type":"write","id":${++ids},"stream":"kinds","action":"update","pk":1,"data":{"${column}":${value}}}`);
    const answer = await viewer.answer(ids);
    if (!answer.ok) {
      // A number that JavaScript would change on the way is no frame of the wire.
      expect([answer.code, await row()]).toEqual([value === '9007199254740993' ? 'bad_frame' : 'invalid', before]);
      return null;
    }
    const { changes } = await viewer.next('commit');
    return JSON.stringify((changes[0] as unknown as [unknown, unknown, unknown, Record<string, unknown>])[3][column]);
  }

  const matrix = cases.flatMap(({ name, column }, at) =>
    VALUES.map((value) => ({ name, column, at: `c${at}`, value, said: value.slice(0, 24) })),
  );

  test.each(matrix)('$name: $said', async ({ at, value, column }) => {
    const told = await written(at, value);
    if (told === null) return;
    // What was told is what is stored: written again it changes nothing.
    const stored = await row();
    expect([await written(at, told), await row()]).toEqual([told, stored]);
    const [sent, has] = [JSON.parse(value) as unknown, JSON.parse(told) as unknown];
    // A number stays the number that was sent, in whatever digits; a text stays itself.
    if (/^-?\d/.test(value) && column.shape !== 'json') expect(Number(has) === Number(sent)).toBe(true); // 0 and -0 are one number
    if (column.sqlType === 'text' && column.shape === 'string') expect(told).toBe(value);
    if (sent === null) expect(has).toBeNull();
  });

  const texts = cases.findIndex(({ column }) => column.sqlType === 'text' && column.shape === 'string');
  test.each(UNICODE.map((text) => ({ text, said: JSON.stringify(text.slice(0, 12)) })))('a text of $said', async ({ text }) => {
    const told = await written(`c${texts}`, JSON.stringify(text));
    if (told !== null) expect(JSON.parse(told)).toBe(text);
    else expect(text).toContain('\u0000'); // the one that not every database can hold
  });

  test('there are as many as the list of them asks for, and none of it was an error of ours', () => {
    expect(matrix.length).toBeGreaterThanOrEqual(9 * 20);
    expect(UNICODE.length).toBeGreaterThanOrEqual(60);
    expect(w.notes.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
