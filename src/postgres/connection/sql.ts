/** One row as the server wrote it: every value in Postgres' own text, NULL as null, in the order of the query's columns. */
export type RawRow = readonly (string | null)[];

/**
 * A connection that asks and answers in text. No driver's parser stands between: a value read here is byte for byte the value that the log
 * has, which is what lets rows that were read and rows that were logged go through one codec.
 *
 * Parameters become text by {@link paramText}; the server infers their types from where they stand. One statement per call. A failure is the
 * driver's error with the server's own `code` (SQLSTATE).
 */
export interface Sql {
  query(text: string, params?: readonly unknown[]): Promise<readonly RawRow[]>;
}

/** One READ COMMITTED transaction on one connection. */
export interface Transaction extends Sql {
  /** What is under way and last: COMMIT goes out behind it, not after it. Where it fails nothing is committed, and `transaction` rejects with that. */
  last(underWay: Promise<unknown>): void;
  /** A query that is asked over and over: planned once for each connection, under its name, where that can be. */
  named(name: string, text: string, params: readonly unknown[]): Promise<readonly RawRow[]>;
  /**
   * Runs `run` with the app's own kind of transaction over this very one (Drizzle's): a transaction inside it is a savepoint, and a
   * rejection of it must roll back everything.
   *
   * @throws {RowcastError} `driver_missing` when Drizzle is not installed.
   */
  app<T>(run: (tx: unknown) => T | Promise<T>): Promise<T>;
}

/**
 * Where connections come from, each under the pinned settings. A `query` outside a transaction is one of its own. `transaction` commits when
 * `run` resolves; it rolls back when `run` rejects, and rejects itself when the COMMIT fails.
 */
export interface Sessions extends Sql {
  /** A query that is asked over and over: planned once for each connection, under its name, where that can be. */
  repeated(name: string, text: string): Promise<readonly RawRow[]>;
  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Reads one moment of the database, and this table in it: nobody empties or alters the table between the moment and the end. Writes nothing,
   * and waits 10 s for a statement at most. Rejects where a policy would leave rows out.
   *
   * @param table as SQL
   */
  moment<T>(table: string, run: (sql: Sql) => Promise<T>): Promise<T>;
  /** Whether a moment may be kept open while something else is waited for: not on the one connection that everybody has. */
  readonly lasting: boolean;
  close(): Promise<void>;
}

/** What the text of a value depends on: the same for the log and for every read. A server's own defaults have given `03.02.2024` and `0.3`. */
export const PINNED = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'iso_8601',
  bytea_output: 'hex',
  extra_float_digits: '3',
  client_encoding: 'UTF8',
} as const;

/** An identifier, or a qualified one, as SQL. The only way a name gets into a statement. */
export function identifier(...path: readonly string[]): string {
  return path.map((name) => `"${name.replaceAll('"', '""')}"`).join('.');
}

/** A literal for statements that take no parameters (DDL). Safe under either setting of `standard_conforming_strings`. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** A parameter as text: what a driver's own serializer would make of it, but the same one for every driver. */
export function paramText(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return value.toISOString();
      if (value instanceof Uint8Array) return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
      if (Array.isArray(value)) return arrayParam(value);
      return JSON.stringify(value);
    default:
      return null;
  }
}

function arrayParam(items: readonly unknown[]): string {
  const parts = items.map((item) => {
    if (Array.isArray(item)) return arrayParam(item);
    const text = paramText(item);
    return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${parts.join(',')}}`;
}

/** The server's code of an error (SQLSTATE), also where an ORM wrapped it. */
export function sqlState(error: unknown): string | undefined {
  return serverError(error)?.code;
}

/** What the server says about a refusal, as every driver passes it on. */
export interface ServerError {
  readonly code: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

export function serverError(error: unknown): ServerError | null {
  for (let each = error; typeof each === 'object' && each !== null; each = (each as { cause?: unknown }).cause) {
    const { code } = each as { code?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return each as ServerError;
  }
  return null;
}

/** The connection broke: what was being done on it may or may not have been done. */
export function isConnectionLost(error: unknown): boolean {
  for (let each = error; typeof each === 'object' && each !== null; each = (each as { cause?: unknown }).cause) {
    const { code, message } = each as { code?: unknown; message?: unknown };
    if (typeof code === 'string' && /^(?:08...|57P0[1-3]|ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT)$/.test(code)) return true;
    if (code === undefined && typeof message === 'string' && /^Connection terminated/.test(message)) return true;
  }
  return false;
}

/** How long a try of a write waits for a lock. */
export const LOCK_TIMEOUT = '500ms';

export const TOO_MANY_CONNECTIONS = '53300';

/** The connection broke while committing: whether it was committed is not known. */
export class CommitUnknown extends Error {
  readonly code = '08007';
  constructor(cause: unknown) {
    super('the connection broke while committing', { cause });
  }
}

/** PGlite is Postgres without logical decoding: it accepts a slot, then answers every query with nothing. It is followed by a journal. */
export async function isPglite(sql: Sql): Promise<boolean> {
  const rows = await sql.query('SELECT version()');
  return /pglite|emscripten|wasm/i.test(rows[0]?.[0] ?? '');
}
