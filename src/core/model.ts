import type { Shape } from '../protocol/index.ts';
import type { Condition } from './ports/rows.ts';

/** What a log holds for one column: Postgres gives its text, SQLite its own storage classes. */
export type LogValue = string | number | bigint | Uint8Array | null;

/**
 * Stands in an image for a column that the log does not have as the model says: dropped, renamed, of another type. Nobody knows what is in
 * it, so it is not NULL: code that asks for it fails, and what depends on it is denied.
 */
export const UNREADABLE: unique symbol = Symbol('unreadable');

/** A row as the log has it: one value per column, in the order of the model's columns. */
export type Image = readonly (LogValue | typeof UNREADABLE)[];

/** A row as code has it: what the ORM's `select()` gives, by property name. */
export type Row = Readonly<Record<string, unknown>>;

/** One column, as the code declares it. What the database says about it is a `TableColumn`. */
export interface Column {
  /** The property in code, and the field on the wire. */
  readonly name: string;
  /** The column in the database. */
  readonly column: string;
  /** The type as the code declares it: `varchar(100)`, `integer`. */
  readonly sqlType: string;
  /** What a row's value is in JavaScript. */
  readonly shape: Shape;
  readonly notNull: boolean;
  /** The column fills itself when left out, in the database or in the ORM (`$defaultFn`). */
  readonly hasDefault: boolean;
  /** Always computed by the database: never written. */
  readonly generated: boolean;
}

/**
 * A table as the app's code declares it: schema and value mapping only, no driver, no connection. `drizzle(table)` makes one.
 * The type parameters are what `select()` gives, what `insert()` takes, and the key's columns as far as the table's type tells them; they are never
 * values.
 */
export interface Model<R = Row, Insert = Row, K extends string = string> {
  readonly dialect: 'postgres' | 'sqlite';
  /** The name on the seed's wire: `auth.user`. */
  readonly name: string;
  /** `schema` is undefined where the database's default is meant. */
  readonly table: { readonly schema: string | undefined; readonly name: string };
  readonly columns: readonly Column[];
  /** The key's columns by property name, in key order. Empty: the table cannot be bound. */
  readonly key: readonly string[];
  /** A log value as `select()` would give it. `null` stays `null`. */
  fromLog(column: number, value: LogValue): unknown;
  /** A value as `insert()` takes it, made ready for the driver: what goes into a query's parameters. */
  toParam(column: number, value: unknown): unknown;
  /** What the ORM itself fills in when an inserted row, or an updated one, leaves the column out (`$defaultFn`, `$onUpdate`). */
  fill(action: 'create' | 'update', column: number): unknown;
  /** A condition of the ORM's own as SQL over this table alone, its parameters ready for the driver. @throws {RowcastError} `binding_invalid`. */
  condition?(where: object): Condition;
  readonly types?: { readonly row: R; readonly insert: Insert; readonly key: K };
}

/**
 * A schema by Standard Schema (https://standardschema.dev): zod, valibot, arktype, drizzle-zod. Only the part that is called: as the whole
 * interface, TypeScript gives up on schemas written in place (TS2589).
 */
export interface Validator {
  readonly '~standard': { readonly version: 1; readonly vendor: string; readonly validate: (value: unknown) => unknown };
}

export interface Validators {
  readonly create?: Validator;
  readonly update?: Validator;
}
