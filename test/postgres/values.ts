/** One awkward value: the type, a literal of it, and the JSON text that leaves the server. */
export interface ValueCase {
  readonly type: string;
  readonly literal: string;
  readonly wire: string;
  /** The text in the database once the wire's value has come back, where that is another one; null where JavaScript cannot hold the value. */
  readonly back?: string | null;
}

const of = (type: string, ...values: readonly (readonly [literal: string, wire: string, back?: string | null])[]): readonly ValueCase[] =>
  values.map(([literal, wire, back]) => ({ type, literal, wire, ...(back === undefined ? {} : { back }) }));

const LONG = 'x'.repeat(5_000);

/** Types that the cases need and a database does not have. */
export const TYPES = [
  `CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s "fine"', 'naïve')`,
  `CREATE TYPE "Odd Name" AS ENUM ('a', 'b')`,
  `CREATE DOMAIN email AS varchar(40) CHECK (VALUE LIKE '%@%')`,
  `CREATE DOMAIN counts AS integer[]`,
  `CREATE TYPE pair AS (one integer, two text)`,
];

export const VALUES: readonly ValueCase[] = [
  ...of('boolean', ['true', 'true'], ['false', 'false'], ['NULL', 'null']),
  ...of('smallint', ["'-32768'", '-32768'], ['32767', '32767']),
  ...of('integer', ["'-2147483648'", '-2147483648'], ['0', '0'], ['2147483647', '2147483647']),
  ...of('bigint', ["'-9223372036854775808'", '"-9223372036854775808"'], ['9007199254740993', '"9007199254740993"'], ['0', '"0"']),
  ...of('oid', ['4294967295', '4294967295']),
  ...of(
    'real',
    ['0.1', '0.1'],
    ["'3.4028235e38'", '3.4028235e+38'],
    ["'1e-45'", '1e-45'],
    ["'NaN'", '"NaN"'],
    ["'-Infinity'", '"-Infinity"'],
    ["'-0'", '-0'],
  ),
  ...of(
    'double precision',
    ['0.1::float8 + 0.2::float8', '0.30000000000000004'],
    ["'1.7976931348623157e308'", '1.7976931348623157e+308'],
    ["'5e-324'", '5e-324'],
    ["'-0'", '-0'],
    ['1e15', '1e+15'],
    ["'NaN'", '"NaN"'],
    ["'Infinity'", '"Infinity"'],
  ),
  ...of(
    'numeric',
    ['0', '"0"'],
    ['1.500', '"1.500"'],
    ['-0.000000000000000000000000000001', '"-0.000000000000000000000000000001"'],
    ['12345678901234567890123456789012345678901234567890.123456789', '"12345678901234567890123456789012345678901234567890.123456789"'],
    ["'NaN'", '"NaN"'],
    ["'Infinity'", '"Infinity"'],
    ["'-Infinity'", '"-Infinity"'],
  ),
  ...of('numeric(10,2)', ['99999999.99', '"99999999.99"'], ['1', '"1.00"'], ["'NaN'", '"NaN"']),
  ...of(
    'text',
    ["''", '""'],
    [`'"\\ / é 😀 ' || chr(10) || chr(9) || chr(8232) || chr(1)`, JSON.stringify('"\\ / é 😀 \n\t\u2028\u0001')],
    ["'NULL'", '"NULL"'],
    ["'{a,b}'", '"{a,b}"'],
    [`'(1,"x")'`, JSON.stringify('(1,"x")')],
    ["','", '","'],
    [`'${LONG}'`, JSON.stringify(LONG)],
  ),
  ...of('varchar(10)', ["'1234567890'", '"1234567890"'], ["'😀😀😀😀😀😀😀😀😀😀'", '"😀😀😀😀😀😀😀😀😀😀"']),
  ...of('character(5)', ["'ab'", '"ab   "'], ["''", '"     "']),
  ...of('"char"', ["'x'", '"x"']),
  ...of('name', ["'some_name'", '"some_name"']),
  ...of('mood', ["'so so'", '"so so"'], [`'it''s "fine"'`, JSON.stringify('it\'s "fine"')], ["'naïve'", '"naïve"']),
  ...of('"Odd Name"', ["'a'", '"a"']),
  ...of('email', ["'a@b.c'", '"a@b.c"']),
  ...of('uuid', ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"']),
  ...of(
    'date',
    ["'2026-11-23'", '"2026-11-23"'],
    ["'0044-03-15 BC'", '"0044-03-15 BC"'],
    ["'0001-02-29 BC'", '"0001-02-29 BC"'],
    ["'5874897-12-31'", '"5874897-12-31"'],
    ["'infinity'", '"infinity"'],
    ["'-infinity'", '"-infinity"'],
  ),
  ...of('time', ["'12:34:56.789012'", '"12:34:56.789012"'], ["'00:00:00'", '"00:00:00"'], ["'24:00:00'", '"24:00:00"']),
  ...of('time with time zone', ["'12:34:56.789012+05:30'", '"12:34:56.789012+05:30"']),
  ...of(
    'timestamp',
    ["'2026-11-23 12:34:56.789012'", '"2026-11-23T12:34:56.789012"'],
    ["'2026-11-23 12:34:56.5'", '"2026-11-23T12:34:56.5"'],
    ["'0044-03-15 12:00:00 BC'", '"0044-03-15T12:00:00 BC"'],
    ["'294276-12-31 23:59:59.999999'", '"294276-12-31T23:59:59.999999"'],
    ["'infinity'", '"infinity"'],
  ),
  ...of('timestamp(3)', ["'2026-11-23 12:34:56.789'", '"2026-11-23T12:34:56.789"']),
  ...of(
    'timestamp with time zone',
    ["'2026-11-23 12:34:56.789012+00'", '"2026-11-23T12:34:56.789012Z"'],
    ["'2026-07-01 00:00:00+09'", '"2026-06-30T15:00:00Z"'],
    ["'0044-03-15 12:00:00+00 BC'", '"0044-03-15T12:00:00Z BC"'],
    ["'12026-01-01 00:00:00.000001+00'", '"12026-01-01T00:00:00.000001Z"'],
    ["'infinity'", '"infinity"'],
    ["'-infinity'", '"-infinity"'],
  ),
  ...of(
    'interval',
    ["'1 year 2 months -3 days 04:05:06.789012'", '"P1Y2M-3DT4H5M6.789012S"'],
    ["'0'", '"PT0S"'],
    ["'-1 year -00:00:00.000001'", '"P-1YT-0.000001S"'],
  ),
  ...of(
    'json',
    [`'{"a" : 1, "a": 2, "big": 12345678901234567890}'`, '{"a" : 1, "a": 2, "big": 12345678901234567890}', null],
    [`'"text"'`, '"text"'],
    ["'null'", 'null', null],
    ["'[]'", '[]'],
  ),
  ...of(
    'jsonb',
    [`'{"b": [1, null, {"c": "\\u00e9\\""}], "a": 1e400}'`, `{"a": 1${'0'.repeat(400)}, "b": [1, null, {"c": "é\\""}]}`, null],
    [`'{"b": [1, null, {"c": "é"}]}'`, '{"b": [1, null, {"c": "é"}]}'],
    ["'12345678901234567890.10'", '12345678901234567890.10', null],
    ["'true'", 'true'],
  ),
  ...of('bytea', [`'\\x'`, '""'], [`'\\x00ff5c27'`, '"AP9cJw=="']),
  ...of(
    'integer[]',
    ["'{}'", '[]'],
    ["'{1,NULL,-3}'", '[1,null,-3]'],
    ["'{{1,2},{3,4}}'", '[[1,2],[3,4]]'],
    ["'[0:1]={5,6}'", '[5,6]', '{5,6}'],
  ),
  ...of('counts', ["'{7,8}'", '[7,8]']),
  ...of('bigint[]', ["'{9007199254740993}'", '["9007199254740993"]']),
  ...of('boolean[]', ["'{t,f,NULL}'", '[true,false,null]']),
  ...of('numeric(10,2)[]', ["'{1,2.5}'", '["1.00","2.50"]']),
  ...of('double precision[]', ["'{NaN,0.1,-Infinity}'", '["NaN",0.1,"-Infinity"]']),
  ...of(
    'text[]',
    [
      `ARRAY['NULL', NULL, '', 'a,b', '{x}', '"q"', 'back\\slash', ' ', 'é😀']`,
      JSON.stringify(['NULL', null, '', 'a,b', '{x}', '"q"', 'back\\slash', ' ', 'é😀']),
    ],
    [`ARRAY[['a','b'],['c',NULL]]`, '[["a","b"],["c",null]]'],
  ),
  ...of('mood[]', [`ARRAY['so so', 'sad']::mood[]`, '["so so","sad"]']),
  ...of('jsonb[]', [`ARRAY['{"a": [1]}', '[1, 2]']::jsonb[]`, '[{"a": [1]},[1, 2]]']),
  ...of('bytea[]', [`ARRAY['\\x00ff'::bytea]`, '["AP8="]']),
  ...of('timestamp with time zone[]', [`ARRAY['2026-11-23 12:34:56.789012+00']::timestamptz[]`, '["2026-11-23T12:34:56.789012Z"]']),
  ...of('box[]', [`'{(1,1),(0,0);(2,2),(1,1)}'`, '["(1,1),(0,0)","(2,2),(1,1)"]']),
  ...of('int4range', ["'[1,10)'", '"[1,10)"'], ["'empty'", '"empty"']),
  ...of('tstzrange', [`'["2026-11-23 00:00:00+00",)'`, JSON.stringify('["2026-11-23 00:00:00+00",)')]),
  ...of('point', ["'(1.5,-2)'", '"(1.5,-2)"']),
  ...of('inet', ["'10.0.0.1/8'", '"10.0.0.1/8"']),
  ...of('bit(4)', ["B'0101'", '"0101"']),
  ...of('tsvector', [`'fat:2 cat:1'`, JSON.stringify("'cat':1 'fat':2")]),
  ...of('money', ["'12.34'", '"$12.34"']),
  ...of('xml', [`'<a b="1">é</a>'`, JSON.stringify('<a b="1">é</a>')]),
  ...of('pair', [`ROW(1, 'a,"b')::pair`, JSON.stringify('(1,"a,""b")')]),
  ...of('int2vector', ["'1 2 3'", '"1 2 3"']),
];
