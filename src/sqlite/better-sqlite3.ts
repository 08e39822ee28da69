import type { LogValue } from '../core/index.ts';
import { Statements, type BetterSqlite3, type BetterSqlite3Statement, type Connection, type Opening, type Param } from './connection.ts';

export function openBetterSqlite3(Driver: BetterSqlite3, file: string, { readOnly = false, make = false }: Opening): Connection {
  const client = new Driver(file, { timeout: 0, fileMustExist: !make, readonly: readOnly });
  const statements = new Statements<BetterSqlite3Statement>((sql) => {
    const statement = client.prepare(sql).safeIntegers(true);
    return statement.reader ? statement.raw(true) : statement;
  });
  return {
    client,
    drizzleClient: client,
    exec: (sql) => void client.exec(sql),
    all: (sql: string, ...params: readonly Param[]) => statements.get(sql).all(...params) as LogValue[][],
    each: (sql: string, ...params: readonly Param[]) => statements.get(sql).iterate(...params) as IterableIterator<LogValue[]>,
    run: (sql: string, ...params: readonly Param[]) => Number(statements.get(sql).run(...params).changes),
    get inTransaction() {
      return client.inTransaction;
    },
    close: () => void client.close(),
  };
}
