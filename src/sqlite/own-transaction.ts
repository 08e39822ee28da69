import type { DatabaseSync } from 'node:sqlite';
import { RowcastError, type Receipt } from '../core/index.ts';
import { isOpen } from './node-sqlite.ts';
import { literal } from './sql.ts';

/** What is called here of what an app writes with: Drizzle's transaction or database, or a connection of a driver. */
interface Foreign {
  run?(sql: string): unknown;
  rollback?: unknown;
  readonly $client?: unknown;
  prepare?(sql: string): { run(...params: readonly unknown[]): unknown };
  readonly inTransaction?: boolean;
}

/**
 * Leaves a receipt in a transaction of the app's own, on the app's own connection: synchronously, where its driver is.
 *
 * @throws {RowcastError} `receipt_invalid` for what is in no transaction: there the receipt would be committed by itself, at once.
 */
export function leaveInside(tx: unknown, { client, write }: Pick<Receipt, 'client' | 'write'>): void | Promise<void> {
  const foreign = objectOf(tx);
  if (typeof foreign.prepare === 'function') {
    if (!isInside(foreign)) throw noTransaction('this connection has not begun one');
    foreign.prepare(`${LEAVE} VALUES ('R', ?, ?)`).run(client, BigInt(write));
  } else if (typeof foreign.run === 'function') {
    if (typeof foreign.rollback !== 'function' && !isInside(objectOf(foreign.$client)))
      throw noTransaction("Drizzle's database has not begun one");
    // Drizzle takes a statement that has parameters only as an object of its own making.
    const left = foreign.run(`${LEAVE} VALUES ('R', ${literal(client)}, ${BigInt(write)})`);
    if (typeof (left as Partial<Promise<unknown>> | null)?.then === 'function') return Promise.resolve(left).then(() => undefined);
  } else {
    throw noTransaction('this is none');
  }
}

const LEAVE = 'INSERT INTO _rowcast_journal(op, o0, o1)';

function objectOf(value: unknown): Foreign {
  return (typeof value === 'object' && value !== null ? value : {}) as Foreign;
}

/** better-sqlite3 says so by itself. */
function isInside(connection: Foreign): boolean {
  if (typeof connection.prepare !== 'function') return false;
  return connection.inTransaction ?? isOpen(connection as DatabaseSync);
}

function noTransaction(why: string): RowcastError {
  const cure = 'give the `tx` of `db.transaction((tx) => …)`, or the connection that said BEGIN';
  return new RowcastError('receipt_invalid', `a receipt is left inside a transaction, and ${why}; ${cure}`);
}
