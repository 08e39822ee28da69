import { expect, test } from 'vitest';
import { binding, handModel, handStream, handTable, type HandRow } from '../../test/core/hand-made.ts';
import type { BindingOptions } from './binding.ts';
import { groupBy } from './groups.ts';
import type { Table } from './table.ts';

const COLUMNS = ['id', 'blog', 'title', 'secret'] as const;
const model = handModel('post', COLUMNS);
type Options = BindingOptions<HandRow, HandRow, string, string, string, string, null, unknown>;
const OPTIONS: Options = { fields: ['blog', 'title'], groupNames: groupBy('blog') };

function fingerprint(
  options: Partial<Options> = {},
  over: { readonly model?: typeof model; readonly table?: Table; readonly name?: string } = {},
): string {
  const of = over.model ?? model;
  return handStream(
    over.name ?? 'posts',
    binding<HandRow, HandRow, string, string, string, string>(of, { ...OPTIONS, ...options } as Options),
    over.table ?? handTable(of),
  ).fingerprint;
}

/** The table, with one column otherwise than it was. */
function tableWith(name: string, change: object, of: typeof model = model): Table {
  const table = handTable(of);
  return { ...table, columns: table.columns.map((column) => (column.name === name ? { ...column, ...change } : column)) };
}

const same = fingerprint();

test('two processes with the same code have the same fingerprint', () => {
  expect(fingerprint({}, { model: handModel('post', COLUMNS) })).toBe(same);
  const byName = (): string => fingerprint({ groupNames: (row) => [String(row['blog'])] });
  expect(byName()).toBe(byName());
});

test.each<[string, () => string]>([
  ['a field more', () => fingerprint({ fields: ['blog', 'title', 'id'] })],
  ['a field less', () => fingerprint({ fields: ['title'] })],
  ['a listed column of another kind', () => fingerprint({}, { table: tableWith('title', { kind: ['int', 'number'] }) })],
  ['a listed column that code holds otherwise', () => fingerprint({}, { table: tableWith('title', { kind: ['text', 'json'] }) })],
  ['groups by another column', () => fingerprint({ groupNames: groupBy('title') })],
  ['groups by one column more', () => fingerprint({ groupNames: groupBy('blog', 'title') })],
  ['groups by a function', () => fingerprint({ groupNames: (row) => [String(row['blog'])] })],
  ['serialize', () => fingerprint({ serialize: ({ title }) => ({ title }) })],
  ['who may ask for it', () => fingerprint({ canSubscribe: () => true })],
  ['a version', () => fingerprint({ version: 2 })],
  ['another key', () => fingerprint({}, { model: handModel('post', COLUMNS, ['id', 'blog']) })],
  ['another table', () => fingerprint({}, { model: handModel('posts', COLUMNS) })],
])('%s makes another fingerprint', (_, other) => expect(other()).not.toBe(same));

test('other text of a function is another fingerprint, and so is another version of what the text does not say', () => {
  const all = [
    fingerprint({ groupNames: (row) => [String(row['blog'])] }),
    fingerprint({ groupNames: (row) => [`b${String(row['blog'])}`] }),
    fingerprint({ serialize: ({ title }) => ({ title }) }),
    fingerprint({ serialize: ({ title }) => ({ title: String(title) }) }),
    fingerprint({ version: 1 }),
    fingerprint({ version: '1' }),
    fingerprint({ version: 2 }),
  ];
  expect(new Set([...all, same]).size).toBe(all.length + 1);
});

test.each<[string, () => string]>([
  ['a column that is not listed', () => fingerprint({}, { model: handModel('post', [...COLUMNS, 'extra']) })],
  ['one less that is not listed', () => fingerprint({}, { model: handModel('post', ['id', 'blog', 'title']) })],
  ['another kind of one that is not listed', () => fingerprint({}, { table: tableWith('secret', { kind: ['int', 'number'] }) })],
  ['fields listed in another order', () => fingerprint({ fields: ['title', 'blog'] })],
  ['fields said by what is left out', () => fingerprint({ fields: undefined, exclude: ['id', 'secret'] } as never)],
  ['who may write, and what', () => fingerprint({ writable: ['title'], hasPermission: () => true, stamp: () => ({}) } as never)],
  ['another name for the stream', () => fingerprint({}, { name: 'articles' })],
])('%s is nothing to it', (_, other) => expect(other()).toBe(same));

test.each<[string, Partial<Options>]>([
  ['fields in another order', { fields: ['title', 'blog'] }],
  ['fields by what is left out', { fields: undefined, exclude: ['id', 'secret'] } as never],
  ['who may write', { hasPermission: () => true }],
])('two processes that take each other for the same name a row’s groups alike: %s', (_, options) => {
  const groupsOf = (more: Partial<Options>): readonly string[] =>
    handStream('posts', binding(model, { ...OPTIONS, ...more } as Options), handTable(model)).groups(['1', '7', 't', 's']);
  expect(fingerprint(options)).toBe(same);
  expect(groupsOf(options)).toEqual(groupsOf({}));
});

test('what a client may know the name of is what it may see, what it may write and the key', () => {
  const stream = handStream('posts', binding(model, { ...OPTIONS, writable: ['secret'] } as Options), handTable(model));
  expect([...stream.named].toSorted()).toEqual(['blog', 'id', 'secret', 'title']);
});
