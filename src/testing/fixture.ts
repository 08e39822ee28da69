import type { Database, Model, Row } from '../core/index.ts';
import type { Skip } from './runner.ts';

/**
 * A body of the database port, put under test. The suites make their own tables by SQL of the fixture's dialect (see `tables.ts`), so a
 * fixture only opens databases and runs SQL.
 *
 * @example
 * ```ts
 * import { describe, test } from 'vitest'
 * sourceSuite({ name: 'postgres 18', dialect: 'postgres', skip: [], fresh: () => freshDatabase(cluster), inHook }, { describe, test })
 * ```
 */
export interface DatabaseFixture {
  readonly name: string;
  readonly dialect: 'postgres' | 'sqlite';
  /** For the suite it is given to: a name the suite does not have is an error. */
  readonly skip: readonly Skip[];
  /** An empty database of its own. The suite closes it. */
  fresh(): Promise<World>;
  /**
   * Runs one statement with the `tx` that a hook got. What it returns is what the hook returns: nothing where the database writes
   * synchronously, a promise elsewhere.
   */
  inHook(tx: unknown, sql: string): unknown;
}

/** One empty database, as the app and as Rowcast see it. */
export interface World {
  /** Rowcast's side, not opened yet. Each call gives another one on the same database: a restart, or a second process. */
  database(): Database;
  /** The app's own connection, always the same one: `begin` in one call and `commit` in a later one are one transaction. */
  readonly app: Connection;
  /** Somebody else's connection: from another process where the database is shared between processes. The suite closes it. */
  other(): Promise<Connection>;
  /** Each way in which an app of this database makes a transaction, by name; none where there are no transactions. */
  readonly transactions: Readonly<Record<string, AppTransaction>>;
  /**
   * Where there is no SQL: makes these changes, all in one commit, to the database that was opened last. Then no suite runs anything on `app`
   * but by laws that are skipped.
   */
  write?(changes: readonly WorldChange[]): Promise<void>;
  /** Ends everything that was opened, and removes the database. */
  close(): Promise<void>;
}

/**
 * A transaction of the app's own: `work` gets what the app hands on as its `tx`, and a way to run a statement in it, and returns a promise where
 * the database is asynchronous. When `work` throws, or rejects, all is rolled back, and this rejects with that.
 */
export type AppTransaction = (work: (tx: unknown, run: (sql: string) => unknown) => unknown) => Promise<void>;

/** A row before and after, as code sees it. */
export interface WorldChange {
  readonly model: Model;
  readonly before: Row | null;
  readonly after: Row | null;
}

export interface Connection {
  /** One statement without parameters. Rejects when the database refuses it. */
  run(sql: string): Promise<void>;
  /** One query without parameters; integers may be numbers or bigints. */
  all(sql: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}
