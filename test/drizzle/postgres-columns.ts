import type { Copy } from './copies.ts';

/** One column of every type, and values that are awkward in it. */
export interface Spec {
  readonly column: (copy: Copy) => unknown;
  /** As SQL writes them. */
  readonly values: readonly string[];
  /** The database's type, where the declared one needs an extension: a domain of that name over text, which prints the same. */
  readonly type?: string;
  readonly only?: Copy['version'];
}

const TIMES = [
  "'2026-11-23 12:34:56.789012'",
  "'2026-11-23 12:34:56'",
  "'1969-12-31 23:59:59.999999'",
  "'0001-01-01'",
  "'9999-12-31 23:59:59.999'",
];
const ENDLESS = [...TIMES, "'infinity'", "'-infinity'"];
const ZONED = [...TIMES.map((text) => text.replace(/'$/, "+05:30'").replace("'0001-01-01+05:30'", "'0001-01-02'")), "'infinity'"];
const INTERVALS = [
  "'1 day'",
  "'-1 day'",
  "'0'",
  "'1 year 2 mons -3 days 04:05:06.789'",
  "'-1 mon +1 day -00:00:00.000001'",
  "'100 hours'",
  "'2 days -3 hours'",
  "'-1 year 1 day 2 hours'",
  "'25 mons'",
];
const JSONS = ['\'{"a":[1,null,"x"],"é":"\\u0000"}\'', "'null'", "'[]'", '\'"text"\'', '\'"123"\'', "'12.5'", "'true'", "'{}'"];

export const SPECS: Readonly<Record<string, Spec>> = {
  id: { column: ({ pg }) => pg.serial('id').primaryKey(), values: [] },
  small: { column: ({ pg }) => pg.smallint('small'), values: ['-32768', '32767', '0'] },
  int: { column: ({ pg }) => pg.integer('int'), values: ['-2147483648', '2147483647', '0'] },
  bigNumber: { column: ({ pg }) => pg.bigint('big_number', { mode: 'number' }), values: ['9007199254740991', '-5', '0'] },
  bigBigint: {
    column: ({ pg }) => pg.bigint('big_bigint', { mode: 'bigint' }),
    values: ['9223372036854775807', '-9223372036854775808', '0', '7'],
  },
  bigString: {
    column: ({ pg }) => pg.bigint('big_string', { mode: 'string' as 'number' }),
    values: ['9223372036854775807', '0'],
    only: '1.0',
  },
  float: { column: ({ pg }) => pg.real('float'), values: ["'NaN'", "'Infinity'", "'-Infinity'", '1.5', '3.4028235e38', '0.1', "'-0'"] },
  double: {
    column: ({ pg }) => pg.doublePrecision('double'),
    values: ["'NaN'", "'Infinity'", "'-Infinity'", '0.1', '1e308', '5e-324', "'-0'", '123456789.123456789'],
  },
  numericString: {
    column: ({ pg }) => pg.numeric('numeric_string'),
    values: ['0.10', "'NaN'", "'Infinity'", '12345678901234567890.123456789', '-0.00', '1e30'],
  },
  numericNumber: { column: ({ pg }) => pg.numeric('numeric_number', { mode: 'number' }), values: ['0.10', "'NaN'", '-12.5', '1e30'] },
  numericBigint: {
    column: ({ pg }) => pg.numeric('numeric_bigint', { mode: 'bigint', precision: 30, scale: 0 }),
    values: ['123456789012345678901234567890', '-1', '0'],
  },
  bool: { column: ({ pg }) => pg.boolean('bool'), values: ['true', 'false'] },
  text: { column: ({ pg }) => pg.text('text'), values: ["''", "'null'", "'NULL'", "E'a\\nb\\\\c\"'", "'é😀'", "'{1,2}'", "'  '"] },
  varchar: { column: ({ pg }) => pg.varchar('varchar', { length: 100 }), values: ["'x'", "''"] },
  char: { column: ({ pg }) => pg.char('char', { length: 5 }), values: ["'ab'", "'abcde'"] },
  mood: { column: ({ pg }) => pg.pgEnum('mood', ['sad', 'not, "ok"'])('mood'), values: ["'sad'", '\'not, "ok"\''] },
  uuid: { column: ({ pg }) => pg.uuid('uuid'), values: ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"] },
  json: { column: ({ pg }) => pg.json('json'), values: JSONS },
  jsonb: { column: ({ pg }) => pg.jsonb('jsonb'), values: JSONS.map((json) => json.replace('\\u0000', '\\u00e9')) },
  dateDate: {
    column: ({ pg }) => pg.date('date_date', { mode: 'date' }),
    values: ["'2026-11-23'", "'0001-01-01'", "'infinity'", "'1582-10-04'"],
  },
  dateString: {
    column: ({ pg }) => pg.date('date_string', { mode: 'string' }),
    values: ["'2026-11-23'", "'-infinity'", "'0044-03-15 BC'"],
  },
  time: { column: ({ pg }) => pg.time('time'), values: ["'12:34:56.789012'", "'24:00:00'", "'00:00:00'"] },
  timetz: { column: ({ pg }) => pg.time('timetz', { withTimezone: true }), values: ["'12:34:56.789012+05:30'"] },
  stampDate: { column: ({ pg }) => pg.timestamp('stamp_date'), values: ENDLESS },
  stampString: {
    column: ({ pg }) => pg.timestamp('stamp_string', { mode: 'string', precision: 6 }),
    values: [...ENDLESS, "'0044-03-15 12:00:00 BC'"],
  },
  zonedDate: { column: ({ pg }) => pg.timestamp('zoned_date', { withTimezone: true, precision: 3 }), values: ZONED },
  zonedString: { column: ({ pg }) => pg.timestamp('zoned_string', { withTimezone: true, mode: 'string' }), values: ZONED },
  interval: { column: ({ pg }) => pg.interval('interval'), values: INTERVALS },
  dayTime: { column: ({ pg }) => pg.interval('day_time', { fields: 'day to second', precision: 3 }), values: ["'1 02:03:04.5'"] },
  inet: { column: ({ pg }) => pg.inet('inet'), values: ["'192.168.0.1'", "'::1/128'"] },
  cidr: { column: ({ pg }) => pg.cidr('cidr'), values: ["'10.0.0.0/8'"] },
  macaddr: { column: ({ pg }) => pg.macaddr('macaddr'), values: ["'08:00:2b:01:02:03'"] },
  macaddr8: { column: ({ pg }) => pg.macaddr8('macaddr8'), values: ["'08:00:2b:01:02:03:04:05'"] },
  pointTuple: { column: ({ pg }) => pg.point('point_tuple'), values: ["'(1.5,-2)'", "'(1e20,0.1)'"] },
  pointXy: { column: ({ pg }) => pg.point('point_xy', { mode: 'xy' }), values: ["'(1.5,-2)'"] },
  lineTuple: { column: ({ pg }) => pg.line('line_tuple'), values: ["'{1,-2,3.5}'"] },
  lineAbc: { column: ({ pg }) => pg.line('line_abc', { mode: 'abc' }), values: ["'{1,-2,3.5}'"] },
  bit: { column: ({ pg }) => pg.bit('bit', { dimensions: 3 }), values: ["'101'"] },
  vector: { column: ({ pg }) => pg.vector('vector', { dimensions: 3 }), values: ["'[1,2.5,-3]'"], type: 'vector' },
  halfvec: { column: ({ pg }) => pg.halfvec('halfvec', { dimensions: 2 }), values: ["'[1,2.5]'"], type: 'halfvec' },
  sparsevec: { column: ({ pg }) => pg.sparsevec('sparsevec', { dimensions: 5 }), values: ["'{1:1,3:2}/5'"], type: 'sparsevec' },
  geometryTuple: {
    column: ({ pg }) => pg.geometry('geometry_tuple', { type: 'point' }),
    values: ["'0101000020E6100000000000000000F83F00000000000000C0'", "'0101000000000000000000F83F00000000000000C0'"],
    type: 'geometry',
  },
  geometryXy: {
    column: ({ pg }) => pg.geometry('geometry_xy', { type: 'point', mode: 'xy' }),
    values: ["'0101000020E6100000000000000000F83F00000000000000C0'"],
    type: 'geometry',
  },
  bytes: {
    column: (copy) => (copy.pg as unknown as { bytea(name: string): unknown }).bytea('bytes'),
    values: ["'\\x00ff10'", "'\\x'"],
    only: '1.0',
  },
  customBytes: {
    column: ({ pg }) => pg.customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })('custom_bytes'),
    values: ["'\\x00ff10'"],
  },
  customInt: {
    column: ({ pg }) =>
      pg.customType<{ data: string }>({
        dataType: () => 'integer',
        fromDriver: (value) => `n${typeof value}${String(value)}`,
        toDriver: (value) => Number(value.slice(7)),
      })('custom_int'),
    values: ['42'],
  },
  customStamp: {
    column: ({ pg }) => pg.customType<{ data: string }>({ dataType: () => 'timestamptz(3)' })('custom_stamp'),
    values: ["'2026-11-23 12:34:56.789+00'"],
  },
  customBox: { column: ({ pg }) => pg.customType<{ data: string }>({ dataType: () => 'box' })('custom_box'), values: ["'(3,4),(1,2)'"] },
  customJson: {
    column: ({ pg }) =>
      pg.customType<{ data: object; driverData: string }>({ dataType: () => 'jsonb', toDriver: JSON.stringify })('custom_json'),
    values: ['\'{"a":1}\''],
  },
  ints: { column: (copy) => copy.array(copy.pg.integer('ints')), values: ["'{}'", "'{1,-2}'", "'[0:1]={3,4}'"] },
  intMatrix: { column: (copy) => copy.array(copy.pg.integer('int_matrix'), 2), values: ["'{{1,2},{3,4}}'", "'{}'"] },
  bigs: { column: (copy) => copy.array(copy.pg.bigint('bigs', { mode: 'bigint' })), values: ["'{9223372036854775807,0}'"] },
  numerics: { column: (copy) => copy.array(copy.pg.numeric('numerics')), values: ["'{0.10,NaN}'"] },
  texts: {
    column: (copy) => copy.array(copy.pg.text('texts')),
    values: [String.raw`'{"a,b","say \"hi\"","","NULL","back\\slash"}'`, "'{}'"],
  },
  textMatrix: { column: (copy) => copy.array(copy.pg.text('text_matrix'), 2), values: ['\'{{a,"b c"},{"",d}}\''] },
  bools: { column: (copy) => copy.array(copy.pg.boolean('bools')), values: ["'{t,f}'"] },
  doubles: { column: (copy) => copy.array(copy.pg.doublePrecision('doubles')), values: ["'{0.1,NaN,-Infinity}'"] },
  stamps: { column: (copy) => copy.array(copy.pg.timestamp('stamps')), values: ['\'{"2026-11-23 12:34:56.789012"}\''] },
  zones: {
    column: (copy) => copy.array(copy.pg.timestamp('zones', { withTimezone: true, mode: 'string' })),
    values: ['\'{"2026-11-23 12:34:56.789012+02"}\''],
  },
  dates: { column: (copy) => copy.array(copy.pg.date('dates', { mode: 'string' })), values: ["'{2026-11-23}'"] },
  uuids: { column: (copy) => copy.array(copy.pg.uuid('uuids')), values: ["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'"] },
  moods: { column: (copy) => copy.array(copy.pg.pgEnum('mood', ['sad', 'not, "ok"'])('moods')), values: ["'{sad}'"] },
  jsons: { column: (copy) => copy.array(copy.pg.jsonb('jsons')), values: ["array['{\"a\":[1]}','[1,2]']::jsonb[]"] },
  points: { column: (copy) => copy.array(copy.pg.point('points')), values: ['\'{"(1,2)","(3,4)"}\''] },
};
