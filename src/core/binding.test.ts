import { expect, test } from 'vitest';
import { handModel, type HandRow } from '../../test/core/hand-made.ts';
import { bindingFor, type Binding } from './binding.ts';
import { RowcastError } from './errors.ts';
import { groupBy } from './groups.ts';

const model = handModel('post', ['id', 'blogId', 'title', 'body', { name: 'words', generated: true }]);
const keyless = handModel('log', ['at', 'line'], []);

// What JavaScript lets through where TypeScript does not: declared wrongly on purpose.
const declare = (options: object, of = model): Binding => bindingFor()<HandRow, HandRow>(of, options as never);
const groupNames = (): string[] => ['everyone'];

test.each<[string, object, RegExp]>([
  ['neither fields nor exclude', { groupNames }, /"post": set `fields` to what clients may see, or `exclude`, or `fields: '__all__'`/],
  ['both fields and exclude', { fields: ['title'], exclude: ['body'], groupNames }, /set either `fields` or `exclude`, not both/],
  [
    'an unknown field',
    { fields: ['title', 'titel'], groupNames },
    /fields names "titel", which is no column of the model; it has id, blogId, title, body, words/,
  ],
  ['an unknown excluded field', { exclude: ['titel'], groupNames }, /exclude names "titel"/],
  ['an unknown writable field', { fields: ['title'], writable: ['titel'], groupNames }, /writable names "titel"/],
  ['a field by the name of an object’s own', { fields: ['constructor'], groupNames }, /fields names "constructor"/],
  ['an unknown groupBy column', { fields: ['title'], groupNames: groupBy('blog') }, /groupBy names "blog"/],
  ['a groupBy of nothing', { fields: ['title'], groupNames: { groupBy: [] } }, /name at least one/],
  ['no groupNames', { fields: ['title'] }, /set `groupNames`: who sees a row/],
  ['groupNames that is neither', { fields: ['title'], groupNames: 'everyone' }, /set `groupNames`/],
  [
    'canSubscribe without groupBy',
    { fields: ['title'], groupNames, canSubscribe: () => true },
    /`canSubscribe` needs `groupNames: groupBy\(…\)`/,
  ],
  [
    'a writable column that the database computes',
    { fields: ['title'], writable: ['words'], groupNames },
    /writable names "words", which the database computes; leave it out/,
  ],
])('%s is refused when it is declared, and the message names the cure', (_, options, message) => {
  expect(() => declare(options)).toThrow(message);
  expect(() => declare(options)).toThrow(expect.objectContaining({ name: RowcastError.name, code: 'binding_invalid' }) as Error);
});

test('a table without a key is refused: its rows cannot be told apart', () => {
  expect(() => declare({ fields: ['line'], groupNames }, keyless)).toThrow(/"log": the table has no primary key; give it one/);
});

test('`__all__` is every column of the model, exclude all but the named, and a name listed twice is one field', () => {
  expect(declare({ fields: '__all__', groupNames }).fields).toEqual(['id', 'blogId', 'title', 'body', 'words']);
  expect(declare({ fields: ['__all__'], groupNames }).fields).toEqual(['id', 'blogId', 'title', 'body', 'words']);
  expect(declare({ exclude: ['body', 'id'], groupNames }).fields).toEqual(['blogId', 'title', 'words']);
  expect(declare({ fields: ['title', 'title'], groupNames }).fields).toEqual(['title']);
});

test('what may be written is, unless said, what may be seen less the key, computed columns and those that group', () => {
  expect(declare({ fields: '__all__', groupNames }).writable).toEqual(['blogId', 'title', 'body']);
  expect(declare({ fields: '__all__', groupNames: groupBy('blogId') }).writable).toEqual(['title', 'body']);
  expect(declare({ fields: ['title'], groupNames }).writable).toEqual(['title']);
  expect(declare({ fields: ['title'], writable: ['title', 'blogId', 'id'], groupNames: groupBy('blogId') }).writable).toEqual([
    'title',
    'blogId',
    'id',
  ]);
  expect(declare({ fields: ['title'], writable: [], groupNames }).writable).toEqual([]);
});

test('a group is named by a value for each of its columns', () => {
  const posts = declare({ fields: ['title'], groupNames: groupBy('blogId', 'title') });
  const name = (params: object): string => posts.group(params as never).key;
  expect(name({ blogId: 7, title: 'x' })).toBe(name({ title: 'x', blogId: 7 }));
  expect(name({ blogId: 7, title: 'x' })).not.toBe(name({ blogId: 7, title: 'y' }));
  for (const params of [{}, { blogId: 7 }, { blogId: 7, title: null }, { blogId: undefined, title: 'x' }]) {
    expect(() => name(params)).toThrow(/group\(\) needs a value for each of blogId, title/);
  }
});

test('a binding without groupBy has no groups to name', () => {
  expect(() => declare({ fields: ['title'], groupNames }).group({} as never)).toThrow(/`group\(\)` needs `groupNames: groupBy\(…\)`/);
});

test('several bindings of one model stand beside each other', () => {
  const [one, other] = [declare({ fields: ['title'], groupNames }), declare({ fields: ['body'], groupNames })];
  expect([one.model, one.fields, other.fields]).toEqual([other.model, ['title'], ['body']]);
});
