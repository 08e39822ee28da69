import { existsSync } from 'node:fs';
import { RowcastError } from '../core/index.ts';
import { openBetterSqlite3 } from './better-sqlite3.ts';
import type { BetterSqlite3, Connection, Opening } from './connection.ts';
import { openNodeSqlite } from './node-sqlite.ts';

export type Driver = 'node:sqlite' | BetterSqlite3;

/** A file of the app's, and the driver it is opened with. */
export interface File {
  readonly path: string;
  readonly driver: Driver;
}

/** Rowcast's own connection, to write. */
export async function connectTo({ path, driver }: File): Promise<Connection> {
  if (!existsSync(path)) {
    throw new RowcastError('source_unsupported', `there is no file "${path}": make it and its tables first, by running your migrations`);
  }
  const connection = await opened(driver, path, {});
  // References are kept, as on the app's own connections. NORMAL: a commit survives the process, and reaches the disk with the next checkpoint;
  // waiting for the disk here would stop this whole thread, the app's requests included, at every write of a client.
  connection.exec('PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL');
  return connection;
}

/** One that can only read. */
export function connectToRead({ path, driver }: File): Promise<Connection> {
  return opened(driver, path, { readOnly: true });
}

/** A file of Rowcast's own, made where there is none. */
export function connectToOwn({ driver }: Pick<File, 'driver'>, path: string): Promise<Connection> {
  return opened(driver, path, { make: true });
}

async function opened(driver: Driver, path: string, opening: Opening): Promise<Connection> {
  return driver === 'node:sqlite' ? openNodeSqlite(path, opening) : openBetterSqlite3(driver, path, opening);
}
