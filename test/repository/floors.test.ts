import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readHouse } from '../../scripts/floors/house.ts';
import { faultsOf, longFiles, machineFaults } from '../../scripts/floors/laws.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'rowcast-floors-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

let houses = 0;

/** A house of three floors: `upper` stands on `lower`, `beside` on nothing. */
async function build(files: Readonly<Record<string, string>>): Promise<string> {
  const root = join(folder, `house-${++houses}`);
  const all: Record<string, string> = {
    'package.json': JSON.stringify({ dependencies: { ws: '8' }, peerDependencies: { pg: '8' } }),
    'src/lower/tsconfig.json': JSON.stringify({ references: [] }),
    'src/upper/tsconfig.json': JSON.stringify({ references: [{ path: '../lower' }] }),
    'src/beside/tsconfig.json': JSON.stringify({}),
    'src/lower/index.ts': "export * from './a.ts';",
    'src/lower/a.ts': 'export const a = 1;',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

async function laws(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  return faultsOf(readHouse(await build(files))).map(({ law, where }) => `${law} ${where}`);
}

describe('floors', () => {
  test('a floor may import what its tsconfig references, through its index', async () => {
    expect(await laws({ 'src/upper/b.ts': "import { a } from '../lower/index.ts'; export const b = a;" })).toEqual([]);
  });

  test('a floor that is not referenced may not be imported, not even for a type or lazily', async () => {
    const files = {
      'src/beside/value.ts': "import { a } from '../lower/index.ts'; export const b = a;",
      'src/beside/type.ts': "\nimport type { a } from '../lower/index.ts'; export type B = typeof a;",
      'src/beside/inline.ts': "export type B = typeof import('../lower/index.ts').a;",
      'src/beside/lazy.ts': "export const b = (): Promise<unknown> => import('../lower/index.ts');",
      'src/beside/again.ts': "export { a } from '../lower/index.ts'; export const c = 1;",
    };
    expect((await laws(files)).toSorted()).toEqual([
      'floor src/beside/again.ts:1',
      'floor src/beside/inline.ts:1',
      'floor src/beside/lazy.ts:1',
      'floor src/beside/type.ts:2',
      'floor src/beside/value.ts:1',
    ]);
  });

  test('another floor is entered through its index only', async () => {
    expect(await laws({ 'src/upper/b.ts': "import { a } from '../lower/a.ts'; export const b = a;" })).toEqual(['floor src/upper/b.ts:1']);
  });

  test('what ships imports nothing from outside src/', async () => {
    expect(await laws({ 'src/upper/b.ts': "import { t } from '../../test/t.ts'; export const b = t;" })).toEqual([
      'floor src/upper/b.ts:1',
    ]);
  });

  test('a test may stand on any floor', async () => {
    expect(await laws({ 'src/beside/b.test.ts': "import { a } from '../lower/a.ts'; export const b = a;" })).toEqual([]);
  });

  test('an import inside a comment or a string is none', async () => {
    const text = "// import { a } from '../lower/index.ts'\nexport const b = \"import { a } from '../lower/index.ts'\";";
    expect(await laws({ 'src/beside/b.ts': text })).toEqual([]);
  });
});

describe('packages', () => {
  test('an optional package is imported as types or lazily, never at load', async () => {
    const files = {
      'src/upper/type.ts': "import type { Client } from 'pg'; export type C = Client;",
      'src/upper/lazy.ts': "export const load = (): Promise<unknown> => import('pg');",
      'src/upper/value.ts': "import { Client } from 'pg'; export const c = Client;",
    };
    expect(await laws(files)).toEqual(['package src/upper/value.ts:1']);
  });

  test('a package that package.json does not name is not imported', async () => {
    const files = { 'src/upper/b.ts': "import 'ws';\nimport 'node:fs';\nimport '@scope/left/pad';\nexport {};" };
    expect(await laws(files)).toEqual(['package src/upper/b.ts:3']);
  });
});

describe('cycles', () => {
  test('a cycle of values is found, with its way round', async () => {
    const files = {
      'src/lower/one.ts': "import { two } from './two.ts'; export const one = (): unknown => two;",
      'src/lower/two.ts': "import { three } from './three.ts'; export const two = (): unknown => three;",
      'src/lower/three.ts': "import { one } from './one.ts'; export const three = (): unknown => one;",
    };
    expect(await laws(files)).toEqual(['cycle src/lower/one.ts → src/lower/two.ts → src/lower/three.ts → src/lower/one.ts']);
  });

  test('a way round through a type or a lazy import is no cycle', async () => {
    const files = {
      'src/lower/one.ts': "import { two } from './two.ts'; export const one = (): unknown => two;",
      'src/lower/two.ts': "import type { one } from './one.ts'; export const two = (): typeof one | null => null;",
      'src/lower/lazy.ts': "export const lazy = (): Promise<unknown> => import('./one.ts');",
    };
    expect(await laws(files)).toEqual([]);
  });
});

describe('rooms', () => {
  const ROOMS = {
    'src/lower/left/one.ts': "import type { two } from '../right/two.ts'; export const one = (): typeof two | null => null;",
    'src/lower/right/two.ts': "import { a } from '../a.ts'; export const two = a;",
  };

  test('one folder of a floor may stand on another, and on what lies beside the folders', async () => {
    expect(await laws({ ...ROOMS, 'src/lower/both.ts': "import { one } from './left/one.ts'; export const both = one;" })).toEqual([]);
  });

  test('two folders that stand on each other are found, even where no file does and only by types', async () => {
    const files = { 'src/lower/right/three.ts': "import type { one } from '../left/one.ts'; export type Three = typeof one;" };
    expect(await laws({ ...ROOMS, ...files })).toEqual(['room src/lower/left → src/lower/right → src/lower/left']);
  });

  test('the tests of a folder may reach for any other', async () => {
    const files = { 'src/lower/right/two.test.ts': "import { one } from '../left/one.ts'; export const three = one;" };
    expect(await laws({ ...ROOMS, ...files })).toEqual([]);
  });
});

describe('files', () => {
  test("only a floor's own index re-exports", async () => {
    expect(await laws({ 'src/lower/all.ts': "export * from './a.ts';", 'src/lower/in/index.ts': "export { a } from '../a.ts';" })).toEqual([
      'barrel src/lower/all.ts',
      'barrel src/lower/in/index.ts',
    ]);
  });

  test('a file over 300 lines is listed, one over 400 fails', async () => {
    const long = (lines: number): string => 'export {};\n'.repeat(lines);
    const files = { 'src/lower/long.ts': long(301), 'src/lower/longer.ts': long(401), 'src/lower/fine.ts': long(300) };
    const house = readHouse(await build(files));
    expect(longFiles(house)).toEqual(['src/lower/longer.ts (401 lines)', 'src/lower/long.ts (301 lines)']);
    expect(faultsOf(house).map(({ law, where }) => `${law} ${where}`)).toEqual(['length src/lower/longer.ts']);
  });

  test('no `any` and no silenced type error, tests included', async () => {
    // In two parts, or this file would break the law it tests.
    const files = { 'src/lower/b.ts': 'export const b: any = 1;', 'src/lower/c.test.ts': `// @ts-${'ignore'}\nexport {};` };
    expect(await laws(files)).toEqual(['any src/lower/b.ts:1', 'any src/lower/c.test.ts:1']);
  });

  test("no folder of somebody's machine is named", async () => {
    const root = await build({
      'a.md': `see\nthe file ${'/home'}/ann/notes.txt`,
      'b.md': 'GET /posts/home/1, ./work/x, https://example.org/work/',
    });
    expect(machineFaults(root, ['a.md', 'b.md']).map(({ where }) => where)).toEqual(['a.md:2']);
  });
});

describe('statements', () => {
  const inFile = (text: string): Promise<readonly string[]> => laws({ 'src/lower/b.ts': text });

  test('data in the text of a statement is found, asked at once or kept first', async () => {
    const text = [
      'export const a = (db: Db, id: string): unknown => db.query(`select * from post where id = ${id}`);',
      'export const b = (db: Db, id: string): unknown => { const text = `delete from post where id = ${id}`; return db.prepare(text); };',
      'export const c = (db: Db, id: string): unknown => db.exec(`pragma ${id}`);',
      'export const d = (table: string): string => `insert into ${table} values (1)`;',
      'export interface Db { query(t: string): unknown; prepare(t: string): unknown; exec(t: string): unknown }',
    ].join('\n');
    expect(await inFile(text)).toEqual(['sql src/lower/b.ts:1', 'sql src/lower/b.ts:2', 'sql src/lower/b.ts:3', 'sql src/lower/b.ts:4']);
  });

  test('quoted names, constants, numbers of parameters, and what is made of those alone, pass', async () => {
    const text = [
      "import { identifier } from './names.ts';",
      "const JOURNAL = 'rowcast_journal';",
      'const columnsOf = (names: readonly string[]): string => names.map((name) => `${identifier(name)}`).join();',
      'export function make(db: Db, table: string, names: readonly string[]): unknown {',
      '  const name = identifier(table);',
      "  const places = names.map((_, index) => `$${index + 1}`).join(', ');",
      '  return db.query(`insert into ${name} (${columnsOf(names)}) select ${places} from ${JOURNAL} ${names.map(identifier).join()}`);',
      '}',
      'export interface Db { query(t: string): unknown }',
    ].join('\n');
    const files = { 'src/lower/b.ts': text, 'src/lower/names.ts': 'export const identifier = (name: string): string => `"${name}"`;' };
    expect(await laws(files)).toEqual([]);
  });

  test('a name means what is nearest: a parameter is not the constant of the same name elsewhere', async () => {
    const text = [
      "import { identifier } from './names.ts';",
      'export const safe = (table: string): string => { const name = identifier(table); return `drop table ${name}`; };',
      'export const loose = (name: string): string => `drop table ${name}`;',
      'export const pulled = ({ name }: { name: string }): string => `drop table ${name}`;',
      'export const each = (names: readonly string[]): readonly string[] => names.map((name) => `drop table ${name}`);',
      'export const quoted = (names: readonly string[]): readonly string[] => names.map(identifier).map((name) => `drop table ${name}`);',
    ].join('\n');
    const files = { 'src/lower/b.ts': text, 'src/lower/names.ts': 'export const identifier = (name: string): string => `"${name}"`;' };
    expect(await laws(files)).toEqual(['sql src/lower/b.ts:3', 'sql src/lower/b.ts:4', 'sql src/lower/b.ts:5']);
  });

  test('numbers, closed lists of words, and SQL made in another file by the same rule, pass', async () => {
    const text = [
      "import { columnsOf, looseOf } from './made.ts';",
      "export const a = (first: number, lock: '' | 'for update'): string => `select $${first + 1} ${lock}`;",
      'export const b = (table: { readonly sql: string }): string => `select ${columnsOf([])} from ${table.sql}`;',
      'export const c = (): string => `select ${looseOf([])}`;',
    ].join('\n');
    const made = [
      'const identifier = (name: string): string => `"${name}"`;',
      'export function columnsOf(names: readonly string[]): string { return names.map((name) => identifier(name)).join(); }',
      'export function looseOf(names: readonly string[]): string { return names.join(); }',
    ].join('\n');
    expect(await laws({ 'src/lower/b.ts': text, 'src/lower/made.ts': made })).toEqual(['sql src/lower/b.ts:4']);
  });

  test('one loose part among quoted ones is found', async () => {
    const text =
      'export const a = (name: string): string => `update ${identifier(name)} set ${[identifier(name), name].join()}`; declare function identifier(n: string): string;';
    expect(await inFile(text)).toEqual(['sql src/lower/b.ts:1']);
  });

  test('a reason above the statement, or above the declaration it stands in, lets it pass; an empty one does not', async () => {
    const kept = (comment: string): string => `export const a = (type: string): string =>\n  ${comment}\n  \`create table x (\${type})\`;`;
    expect(await inFile(kept("// sql: the catalog's own name of the type"))).toEqual([]);
    expect(await inFile(kept('// sql:'))).toEqual(['sql src/lower/b.ts:3']);
    expect(await inFile(kept('').replace(/^/, '// sql: types come from the catalog\n'))).toEqual([]);
  });

  test('a message that only sounds like a statement is none', async () => {
    expect(await inFile('export const a = (name: string): string => `update the row ${name}, or select another`;')).toEqual([]);
  });
});
