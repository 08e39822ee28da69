import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entriesIn, textOf } from './entries-text.ts';
import type { Entry } from './entry.ts';

const text = fc.string({ unit: 'binary' });
const name = fc.oneof(fc.constantFrom('s', 'toString', '__proto__', '1', ''), text);
const groups = fc.option(fc.array(name, { maxLength: 3 }));
const delivery = fc.record({ stream: name, key: text, before: groups, after: groups, fields: text });
const commit = fc.record(
  {
    xid: fc.option(text),
    time: fc.nat(),
    receipts: fc.array(fc.record({ client: text, write: fc.nat(), answer: fc.constant({ ok: true as const, pk: null }) }), {
      maxLength: 2,
    }),
    deliveries: fc.array(delivery, { maxLength: 4 }),
    resets: fc.array(fc.record({ stream: name, reason: fc.constant('schema' as const) }), { maxLength: 1 }),
    version: text,
    versions: fc.dictionary(fc.string(), text),
    gap: fc.constant(true as const),
  },
  { requiredKeys: ['xid', 'receipts', 'deliveries', 'resets'] },
);
const chain = fc
  .array(commit)
  .map((commits): Entry[] =>
    commits.map((each, at) => ({ members: [], ...each, prev: String(at).padStart(16, '0'), position: String(at + 1).padStart(16, '0') })),
  );

test('entries are the same once they were a text, and bytes: whatever names, keys and fields are', () => {
  fc.assert(
    fc.property(chain, (entries) => {
      expect(entriesIn(Buffer.from(textOf(entries)).toString())).toStrictEqual(JSON.parse(JSON.stringify(entries)));
    }),
  );
});

test('a text that no entries made has none', () => {
  const [one] = fc.sample(chain, { numRuns: 50, seed: 1 }).filter((entries) => entries.length > 1);
  const whole = textOf(one as Entry[]);
  for (const other of ['', 'null', '[]', '{}\n', '5\n', '[1,2,3]\n', '["a",[],[null]]\n', '[null,[],["x",null,null,1]]\n', `${whole}x`]) {
    expect(entriesIn(other)).toBeNull();
  }
  fc.assert(fc.property(text, (other) => entriesIn(other) === null));
  fc.assert(fc.property(fc.json(), (other) => entriesIn(other) === null));
});
