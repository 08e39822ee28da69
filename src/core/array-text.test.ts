import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatArrayText, parseArrayText, type ArrayText } from './array-text.ts';

const leaf = fc.option(fc.oneof(fc.string(), fc.constantFrom('NULL', 'null', '', '"', '\\', '{}', ',', ' a ', 'é😀', 'a\nb')));
// Postgres has no empty inner dimension, and its arrays are rectangular; the reader asks for neither.
const { array } = fc.letrec<{ array: ArrayText; item: string | null | ArrayText }>((tie) => ({
  array: fc.array(tie('item'), { maxLength: 5 }),
  item: fc.oneof({ withCrossShrink: true, maxDepth: 3 }, leaf, tie('array')),
}));

test('what is written is read back, whatever the elements hold', () => {
  fc.assert(
    fc.property(array, fc.constantFrom(',', ';'), (items, delimiter) => {
      expect(parseArrayText(formatArrayText(items, delimiter), delimiter)).toEqual(items);
    }),
  );
});

test.each<[string, ArrayText]>([
  ['{}', []],
  ['{1,NULL,-3}', ['1', null, '-3']],
  ['{"NULL",null}', ['NULL', 'null']],
  [
    '{{1,2},{3,4}}',
    [
      ['1', '2'],
      ['3', '4'],
    ],
  ],
  ['[0:1]={a,b}', ['a', 'b']],
  ['[-1:0][2:2]={{a},{b}}', [['a'], ['b']]],
  ['{"a,b","say \\"hi\\"","back\\\\slash",""}', ['a,b', 'say "hi"', 'back\\slash', '']],
  ['{"2026-11-23 12:34:56.789012+00",infinity}', ['2026-11-23 12:34:56.789012+00', 'infinity']],
])('%s is read as Postgres means it', (text, items) => expect(parseArrayText(text)).toEqual(items));

test.each(['', 'a', '{', '{a', '{a,', '{"a}', '{"a\\', '{a}b', '{,}', '{a,}', '{"a"b}', '{{a}', '[0:1]'])(
  '%j is no array and is refused',
  (text) => {
    expect(() => parseArrayText(text)).toThrow(SyntaxError);
  },
);
