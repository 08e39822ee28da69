import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bareModel } from '../../../test/postgres/bare-model.ts';
import { UNREADABLE, type Change } from '../../core/index.ts';
import { PgoutputDecoder } from './pgoutput.ts';
import type { PgTable } from '../tables/tables.ts';

const OID = 16_384;
const TEXT = 25;

/** Columns `a` … `e`, of which `a` is the key. */
const TABLE = {
  ...{ model: bareModel('item', { a: 'text', b: 'text', c: 'text', d: 'text', e: 'text' }), id: 'public.item', key: [0], sql: 'item' },
  columns: [...'abcde'].map((column) => ({ column, type: TEXT, listed: column === 'a', nullable: true })),
  relation: { oid: OID, kind: 'r' },
} as unknown as PgTable;

/** A value of a tuple; undefined: left out of the log because it did not change. */
type Value = string | null | undefined;

function relation(columns: readonly string[]): Buffer {
  const parts = columns.map((name) => Buffer.concat([Buffer.from([0]), cstring(name), uint32(TEXT), uint32(0xffff_ffff)]));
  return Buffer.concat([
    Buffer.from('R'),
    uint32(OID),
    cstring('public'),
    cstring('item'),
    Buffer.from('f'),
    uint16(columns.length),
    ...parts,
  ]);
}

function tuple(values: readonly Value[]): Buffer {
  const parts = values.map((value) => {
    if (value === undefined) return Buffer.from('u');
    if (value === null) return Buffer.from('n');
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from('t'), uint32(bytes.length), bytes]);
  });
  return Buffer.concat([uint16(values.length), ...parts]);
}

const row = (kind: string, ...tuples: readonly (readonly [string, readonly Value[]])[]): Buffer =>
  Buffer.concat([Buffer.from(kind), uint32(OID), ...tuples.flatMap(([tag, values]) => [Buffer.from(tag), tuple(values)])]);
const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);
const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const uint32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);

function decode(messages: readonly Buffer[]): { readonly changes: readonly Change[]; readonly lost: readonly string[] } {
  const changes: Change[] = [];
  const lost: string[] = [];
  const decoder = new PgoutputDecoder([TABLE], {
    begin: () => {},
    change: (change) => void changes.push(change),
    lost: (_table, reason) => void lost.push(reason),
    message: () => {},
    aside: () => {},
    commit: () => {},
  });
  for (const message of messages) {
    // Messages stand somewhere in a buffer whose memory is used again.
    const lent = Buffer.concat([Buffer.from('before'), message]);
    decoder.decode(lent, 6);
    lent.fill(255);
  }
  return { changes, lost };
}

const columns = fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 1, maxLength: 8 }).filter((names) => names.includes('a'));
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ maxLength: 600 }),
  fc.constantFrom('', 'é', '12345678', '123456789', '😀'),
);
const value = fc.option(text);

test('rows are images in the order of the model, whatever the order of the log, with values left out taken from the row before', () => {
  const cases = columns.chain((names) => {
    const values = fc.tuple(...names.map(() => value));
    // Many values of an update are those of the row before; some of them are left out.
    return fc.record({
      names: fc.constant(names),
      old: values,
      made: values,
      as: fc.tuple(...names.map(() => fc.constantFrom('new', 'same', 'left out'))),
    });
  });
  fc.assert(
    fc.property(cases, ({ names, old, made, as }) => {
      const now = names.map((_, at) => (as[at] === 'new' ? made[at] : old[at]) ?? null);
      const sent = names.map((_, at) => (as[at] === 'left out' ? undefined : now[at]));
      const image = (values: readonly (string | null | undefined)[]) =>
        [...'abcde'].map((name) => (names.includes(name) ? (values[names.indexOf(name)] ?? null) : UNREADABLE));
      const { changes, lost } = decode([relation(names), row('I', ['N', old]), row('U', ['O', old], ['N', sent]), row('D', ['O', now])]);
      expect(lost).toEqual([]);
      expect(changes.map(({ before, after }) => [before, after])).toEqual([
        [null, image(old)],
        [image(old), image(now)],
        [image(now), null],
      ]);
    }),
  );
});

test('rows of tables that are not bound, and of a bound one whose listed column is gone, are no changes', () => {
  const foreign = Buffer.from(row('I', ['N', ['x']]));
  foreign.writeUInt32BE(OID + 1, 1);
  expect(decode([foreign])).toEqual({ changes: [], lost: [] });
  expect(decode([relation(['b']), row('I', ['N', ['x']])])).toEqual({ changes: [], lost: ['schema'] });
});

test('a row before that is a key alone, or is not there, is a loss', () => {
  const key = [
    relation(['a', 'b']),
    row('D', ['K', ['1', null]]),
    row('U', ['K', ['1', null]], ['N', ['2', 'x']]),
    row('U', ['N', ['2', 'y']]),
  ];
  expect(decode(key)).toEqual({ changes: [], lost: ['schema', 'schema', 'schema'] });
});
