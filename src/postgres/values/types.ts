/** A type as the catalog has it, joined to the types it is made of. */
export interface PgType {
  readonly oid: number;
  readonly name: string;
  readonly category: string;
  /** A domain's base type, and the modifier it gives it. */
  readonly base: PgType | null;
  readonly modifier: number;
  /** An array's element type. */
  readonly element: PgType | null;
  readonly delimiter: string;
  /** An enum's labels, in order. */
  readonly labels: readonly string[] | null;
}

const ALIASES: Readonly<Record<string, string>> = {
  int: 'integer',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  smallserial: 'smallint',
  serial2: 'smallint',
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  float: 'double precision',
  decimal: 'numeric',
  bool: 'boolean',
  char: 'character',
  bpchar: 'character',
  varchar: 'text',
  'character varying': 'text', // a limit changes no value that is there, and `invalid` names the field of one that is too long
  'char varying': 'text',
  varbit: 'bit varying',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
};

/**
 * A declared type and the catalog's `format_type`, brought to one spelling: modifiers, aliases, quotes and the schema do not count.
 *
 * @example plainType('varchar(10)[]') === plainType('character varying(20)[]') // 'text[]'
 */
export function plainType(declared: string): string {
  const [, head = '', dimensions = ''] = /^(.*?)((?:\[\d*\])*)$/s.exec(declared.trim()) ?? [];
  const suffix = dimensions === '' ? '' : '[]';
  const quoted = /^(?:"(?:[^"]|"")+"|[^".]+)\."((?:[^"]|"")+)"$|^"((?:[^"]|"")+)"$/.exec(head);
  if (quoted) return (quoted[1] ?? quoted[2] ?? '').replaceAll('""', '"').toLowerCase() + suffix;
  const words = head
    .replace(/\([^)]*\)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
  const name = words.startsWith('interval ') ? 'interval' : (words.split('.').at(-1) ?? '').replaceAll('"', '');
  return (ALIASES[name] ?? name) + suffix;
}
