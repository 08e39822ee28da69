import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRecordText } from './record-text.ts';

/** As `record_out` prints it: NULL is nothing, what could be mistaken is quoted, a quote and a backslash stand twice. */
const print = (values: readonly (string | null)[]): string =>
  `(${values.map((value) => (value === null ? '' : /^$|[\s"\\(),]/.test(value) ? `"${value.replace(/["\\]/g, '$&$&')}"` : value)).join(',')})`;

test('whatever the values, a printed row is read back', () => {
  const value = fc.option(fc.oneof(fc.string(), fc.constantFrom('', '"', '""', '\\', ',', '(,)', ' ', 'NULL', 'é😀', 'a\nb')));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
      expect(parseRecordText(print(values))).toEqual(values);
    }),
  );
});

test.each<[string, (string | null)[]]>([
  ['()', [null]],
  ['(,)', [null, null]],
  ['(1,"say ""hi""",,"")', ['1', 'say "hi"', null, '']],
  ['("back\\\\slash","(1,""a,""""b"""""")")', ['back\\slash', '(1,"a,""b""")']],
])('%s is read as Postgres means it', (text, values) => expect(parseRecordText(text)).toEqual(values));

test.each(['', '(', ')', '1,2', '("a)', '("a"b)', '(1', '("a""'])('%j is no row and is refused', (text) => {
  expect(() => parseRecordText(text)).toThrow(SyntaxError);
});
