import { ValueError, type Column, type LogValue, type Model, type Row } from '../core/index.ts';

/** A column in short: what it is in the database and in JavaScript. What is left out: named as the property, nullable, no default. */
export interface PlainColumn extends Partial<Omit<Column, 'name'>> {
  readonly sqlType: string;
  readonly shape: Column['shape'];
}

export interface PlainTable {
  readonly dialect: Model['dialect'];
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, PlainColumn>>;
}

/**
 * A model without any ORM: for tests of what takes models.
 *
 * @example
 * ```ts
 * const note = plainModel({ dialect: 'sqlite', table: 'note', key: ['id'], columns: { id: { sqlType: 'integer', shape: 'number' } } })
 * ```
 */
export function plainModel({ dialect, table, key, columns }: PlainTable): Model<Row, Row> {
  const all = Object.entries(columns).map(([name, column]): Column => ({
    name,
    column: name,
    notNull: false,
    hasDefault: false,
    generated: false,
    ...column,
  }));
  const shapeAt = (place: number): Column['shape'] => all[place]?.shape ?? 'string';
  const codec = dialect === 'postgres' ? POSTGRES : SQLITE;
  return {
    dialect,
    name: table,
    table: { schema: undefined, name: table },
    columns: all,
    key,
    fromLog: (place, value) => (value === null ? null : codec.fromLog(shapeAt(place), value)),
    toParam: (place, value) => (value === null ? null : codec.toParam(shapeAt(place), value)),
    fill: () => undefined,
  };
}

interface PlainCodec {
  fromLog(shape: Column['shape'], value: Exclude<LogValue, null>): unknown;
  toParam(shape: Column['shape'], value: unknown): unknown;
}

/** Moments are milliseconds, truths 0 and 1. */
const SQLITE: PlainCodec = {
  fromLog(shape, value) {
    switch (shape) {
      case 'boolean':
        return Number(value) === 1;
      case 'number':
        return Number(value);
      case 'bigint':
        return BigInt(value as bigint);
      case 'string':
        return String(value);
      case 'date':
        return new Date(Number(value));
      case 'bytes':
        return value;
      case 'json':
        return JSON.parse(String(value)) as unknown;
    }
  },
  toParam(shape, value) {
    if (shape === 'date') return (value as Date).getTime();
    if (shape === 'json') return JSON.stringify(value);
    if (shape === 'boolean') return value === true ? 1 : 0;
    return value;
  },
};

/** The server's text, and what node-postgres takes. */
const POSTGRES: PlainCodec = {
  fromLog(shape, value) {
    const text = String(value);
    if (text.startsWith('{') && shape !== 'json') return text;
    switch (shape) {
      case 'boolean':
        return text === 't' || text === 'true';
      case 'number':
        return Number(text);
      case 'bigint':
        return BigInt(text);
      case 'string':
        return text;
      case 'date':
        return new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
      case 'bytes':
        return Buffer.from(text.slice(2), 'hex');
      case 'json':
        return JSON.parse(text) as unknown;
    }
  },
  toParam(shape, value) {
    if (Array.isArray(value) && shape !== 'json') return value;
    if (value instanceof Date) return value.toISOString();
    if (shape === 'json') return JSON.stringify(value);
    if (shape === 'bigint') return String(value);
    if (value === undefined) throw new ValueError('a value');
    return value;
  },
};
