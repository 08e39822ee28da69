export type { BetterSqlite3 } from './connection.ts';
export { sqlite, type SqliteOptions } from './sqlite.ts';
