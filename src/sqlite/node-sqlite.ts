import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { RowcastError, type LogValue } from '../core/index.ts';
import { Statements, type Connection, type Opening, type Param } from './connection.ts';

export async function openNodeSqlite(file: string, { readOnly = false }: Opening = {}): Promise<Connection> {
  const { DatabaseSync } = await driver();
  const client = new DatabaseSync(file, { timeout: 0, readOnly });
  const statements = new Statements<StatementSync>((sql) => {
    const statement = client.prepare(sql);
    statement.setReadBigInts(true);
    if (returnsArrays(statement)) statement.setReturnArrays(true);
    return statement;
  });
  const values = (row: object): LogValue[] => (Array.isArray(row) ? row : Object.values(row)) as LogValue[];
  return {
    client,
    drizzleClient: likeBetterSqlite3(client),
    exec: (sql) => client.exec(sql),
    all: (sql: string, ...params: readonly Param[]) =>
      statements
        .get(sql)
        .all(...(params as never[]))
        .map(values),
    *each(sql: string, ...params: readonly Param[]) {
      for (const row of statements.get(sql).iterate(...(params as never[]))) yield values(row as object);
    },
    run: (sql: string, ...params: readonly Param[]) => Number(statements.get(sql).run(...(params as never[])).changes),
    get inTransaction() {
      return isOpen(client);
    },
    close: () => client.close(),
  };
}

async function driver(): Promise<typeof import('node:sqlite')> {
  try {
    return await import('node:sqlite');
  } catch (cause) {
    const cure = 'run Node 22.13 or later, or `npm install better-sqlite3` and say sqlite(file, { driver: BetterSqlite3 })';
    throw new RowcastError('driver_missing', `this Node (${process.version}) has no node:sqlite: ${cure}`, { cause });
  }
}

/** `setReturnArrays` came with Node 22.16. */
function returnsArrays(statement: StatementSync): boolean {
  return typeof (statement as { setReturnArrays?: unknown }).setReturnArrays === 'function';
}

/** Is a transaction open? `isTransaction` came with Node 22.16; before it, only BEGIN tells. */
export function isOpen(client: DatabaseSync): boolean {
  if (typeof client.isTransaction === 'boolean') return client.isTransaction;
  try {
    client.exec('BEGIN');
  } catch {
    return true;
  }
  client.exec('ROLLBACK');
  return false;
}

/**
 * What Drizzle's better-sqlite3 session calls, over node:sqlite, so that the handle hooks get is the synchronous one Drizzle's types promise.
 * Integers come as numbers here, as better-sqlite3 gives them by default.
 */
function likeBetterSqlite3(client: DatabaseSync): unknown {
  const shaped = (statement: StatementSync) => ({
    run: (...params: never[]) => statement.run(...params),
    all: (...params: never[]) => statement.all(...params),
    get: (...params: never[]) => statement.get(...params),
    raw() {
      // Two columns of one name (a join) fall together in an object: only arrays will do.
      if (!returnsArrays(statement))
        throw new RowcastError('driver_missing', 'hooks over node:sqlite need Node 22.16 or later, or better-sqlite3');
      statement.setReturnArrays(true);
      return this;
    },
  });
  let depth = 0;
  const nested =
    (body: (...args: unknown[]) => unknown) =>
    (...args: unknown[]): unknown => {
      const name = `rowcast_hook_${depth++}`;
      client.exec(`SAVEPOINT ${name}`);
      try {
        const result = body(...args);
        client.exec(`RELEASE ${name}`);
        return result;
      } catch (error) {
        client.exec(`ROLLBACK TO ${name}`);
        client.exec(`RELEASE ${name}`);
        throw error;
      } finally {
        depth--;
      }
    };
  return {
    prepare: (sql: string) => shaped(client.prepare(sql)),
    exec: (sql: string) => client.exec(sql),
    transaction: (body: (...args: unknown[]) => unknown) => {
      const run = nested(body);
      return Object.assign(run, { default: run, deferred: run, immediate: run, exclusive: run });
    },
  };
}
