import type { LogValue } from '../core/index.ts';

/** What goes into a query: 64-bit integers as bigint, reals as number. */
export type Param = LogValue;

/**
 * Rowcast's own connection to a file, over either driver. Synchronous: a call never gives way to other code of this thread. Integers are read
 * as bigint and reals as number, so that 1 and 1.0 stay apart and nothing is rounded.
 */
export interface Connection {
  /** Any number of statements, without parameters. */
  exec(sql: string): void;
  /** Rows as arrays. Column names of a query must differ. */
  all(sql: string, ...params: readonly Param[]): readonly (readonly LogValue[])[];
  /** The same, one row at a time. Until it is done or left, the connection may be able to do nothing else. */
  each(sql: string, ...params: readonly Param[]): IterableIterator<readonly LogValue[]>;
  /** How many rows the statement itself changed. */
  run(sql: string, ...params: readonly Param[]): number;
  /** Is a transaction open? A trigger's RAISE(ROLLBACK) ends one behind one's back. */
  readonly inTransaction: boolean;
  close(): void;
  /** The driver's own object. */
  readonly client: unknown;
  /** The same connection in the shape of better-sqlite3's `Database`, as Drizzle takes it. */
  readonly drizzleClient: unknown;
}

/** How a file is opened. Without these: one that is there, to write. */
export interface Opening {
  readonly readOnly?: boolean;
  readonly make?: boolean;
}

/** The `Database` class of better-sqlite3, as far as it is used here. */
export interface BetterSqlite3 {
  new (file: string, options?: { timeout?: number; fileMustExist?: boolean; readonly?: boolean }): BetterSqlite3Database;
}

export interface BetterSqlite3Database {
  prepare(sql: string): BetterSqlite3Statement;
  exec(sql: string): unknown;
  close(): unknown;
  readonly inTransaction: boolean;
}

export interface BetterSqlite3Statement {
  all(...params: unknown[]): unknown[];
  run(...params: unknown[]): { changes: number | bigint };
  iterate(...params: unknown[]): IterableIterator<unknown>;
  raw(toggle?: boolean): BetterSqlite3Statement;
  safeIntegers(toggle?: boolean): BetterSqlite3Statement;
  readonly reader: boolean;
}

/** Statements kept prepared per connection: more than Rowcast's own texts for a hundred tables. */
const KEPT = 500;

/** Prepared statements by text, the oldest let go at the bound. */
export class Statements<S> {
  readonly #kept = new Map<string, S>();
  readonly #prepare: (sql: string) => S;

  constructor(prepare: (sql: string) => S) {
    this.#prepare = prepare;
  }

  get(sql: string): S {
    let statement = this.#kept.get(sql);
    if (statement) return statement;
    statement = this.#prepare(sql);
    if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(sql, statement);
    return statement;
  }
}

/** Did the database refuse because somebody else is writing (SQLITE_BUSY, and its kinds)? */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== null && ((code & 0xff) === 5 || (code & 0xff) === 6);
}

/** SQLite's extended result code behind an error of either driver, Drizzle's wrapping included; null when it is no error of SQLite's. */
export function resultCode(error: unknown): number | null {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { errcode, code } = at as { errcode?: unknown; code?: unknown };
    if (typeof errcode === 'number') return errcode;
    if (typeof code === 'string' && code.startsWith('SQLITE_'))
      return RESULT_CODES[code] ?? PRIMARY_CODES.find(([name]) => code.startsWith(name))?.[1] ?? 1;
  }
  return null;
}

/** The database's own message behind an error, for reading the columns from; never for clients. */
export function resultMessage(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { errcode, code } = at as { errcode?: unknown; code?: unknown };
    if (typeof errcode === 'number' || (typeof code === 'string' && code.startsWith('SQLITE_'))) return at.message;
  }
  return '';
}

/** better-sqlite3 names what node:sqlite numbers (https://sqlite.org/rescode.html). */
const RESULT_CODES: Readonly<Record<string, number>> = {
  SQLITE_CONSTRAINT_CHECK: 275,
  SQLITE_CONSTRAINT_FOREIGNKEY: 787,
  SQLITE_CONSTRAINT_NOTNULL: 1299,
  SQLITE_CONSTRAINT_PRIMARYKEY: 1555,
  SQLITE_CONSTRAINT_TRIGGER: 1811,
  SQLITE_CONSTRAINT_UNIQUE: 2067,
  SQLITE_CONSTRAINT_ROWID: 2579,
  SQLITE_CONSTRAINT_DATATYPE: 3091,
};
const PRIMARY_CODES: readonly (readonly [string, number])[] = [
  ['SQLITE_PERM', 3],
  ['SQLITE_BUSY', 5],
  ['SQLITE_LOCKED', 6],
  ['SQLITE_READONLY', 8],
  ['SQLITE_IOERR', 10],
  ['SQLITE_CORRUPT', 11],
  ['SQLITE_FULL', 13],
  ['SQLITE_CANTOPEN', 14],
  ['SQLITE_TOOBIG', 18],
  ['SQLITE_CONSTRAINT', 19],
  ['SQLITE_MISMATCH', 20],
  ['SQLITE_NOTADB', 26],
];
