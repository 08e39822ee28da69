import { RowcastError, type Condition, type Model } from '../core/index.ts';
import { cased, type Casing } from './names.ts';
import { driverParam } from './postgres.ts';
import { kindsOf, type DrizzleColumn } from './table.ts';

/** What drizzle-orm asks of whoever has a condition written out. Each version ignores what only the other one asks. */
interface Writing {
  escapeName(name: string): string;
  escapeParam(index: number): string;
  escapeString(text: string): string;
  /** 0.45: the column's name in the database. */
  readonly casing: { getColumnCasing(column: DrizzleColumn): string };
  /** 1.0: what its drivers do to a value that the column has made. */
  readonly codecs?: { codecsOf(column: DrizzleColumn): { readonly normalizeParam: (mapped: unknown) => unknown } };
}

interface Writable {
  toQuery(writing: Writing): { readonly sql: string; readonly params: readonly unknown[] };
}

export interface ConditionOf {
  readonly table: string;
  readonly dialect: Model['dialect'];
  readonly casing: Casing | undefined;
}

/**
 * A condition of drizzle-orm as SQL, written by the copy that made it. It names the table's columns by the table's own name, without alias.
 * @throws {RowcastError} `binding_invalid` when it is none, or has a value that cannot be a parameter.
 */
export function conditionOf(where: object, { table, dialect, casing }: ConditionOf): Condition {
  const refused = (why: string, cause?: unknown): RowcastError =>
    new RowcastError('binding_invalid', `\`where\` of "${table}" ${why}`, { cause });
  if (!kindsOf(where).includes('SQL')) {
    throw refused('must give a condition of drizzle-orm, such as eq(post.public, true), or null; it gave something else');
  }
  try {
    const { sql, params } = (where as Writable).toQuery(dialect === 'postgres' ? postgres(casing) : common(casing));
    return { sql, params: params.map((param) => PARAMS[dialect](param)) };
  } catch (cause) {
    throw refused(
      'has a value that cannot be a parameter: compare columns with what they hold, and leave nothing to be filled in later',
      cause,
    );
  }
}

function common(casing: Casing | undefined): Writing {
  return {
    escapeName: (name) => `"${name.replaceAll('"', '""')}"`,
    escapeParam: () => '?',
    escapeString: (text) => `'${text.replaceAll("'", "''")}'`,
    casing: { getColumnCasing: ({ name, keyAsName }) => (casing && keyAsName ? cased(name, casing) : name) },
  };
}

function postgres(casing: Casing | undefined): Writing {
  return {
    ...common(casing),
    escapeParam: (index) => `$${index + 1}`,
    codecs: { codecsOf: (column) => ({ normalizeParam: (mapped) => driverParam(column, mapped) }) },
  };
}

/** Values that no column made are passed on as the drivers would, or refused. */
const PARAMS: Readonly<Record<Model['dialect'], (value: unknown) => unknown>> = {
  postgres: (value) => (value instanceof Date ? value.toISOString() : known(value)),
  sqlite(value) {
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) throw new TypeError('no value of SQLite');
    return known(value);
  },
};

function known(value: unknown): unknown {
  if (value === undefined || kindsOf(value).length > 0) throw new TypeError('no value');
  return value;
}
