import { RowcastError } from '../../core/index.ts';
import { sqlState } from './sql.ts';

/** What is called here of what an app writes with: Drizzle's transaction, PGlite's, or a client of `pg`. */
interface Foreign {
  execute?(text: string): Promise<unknown>;
  query?(text: string): Promise<unknown>;
  rollback?: unknown;
  release?: unknown;
  end?: unknown;
  totalCount?: unknown;
}

/**
 * Runs one statement in a transaction of the app's own. It comes as text: Drizzle takes one that has parameters only as an object of its own making.
 *
 * @throws {RowcastError} `receipt_invalid` for what is no transaction: there the statement would be committed by itself, at once.
 */
export async function runInside(tx: unknown, statement: string): Promise<void> {
  const foreign = (typeof tx === 'object' && tx !== null ? tx : {}) as Foreign;
  const isTransaction = typeof foreign.rollback === 'function';
  if (typeof foreign.execute === 'function') {
    if (!isTransaction) throw noTransaction("this is Drizzle's database itself");
    await foreign.execute(statement);
  } else if (typeof foreign.query === 'function') {
    if (isTransaction) await foreign.query(statement);
    else if ('totalCount' in foreign) throw noTransaction('this is a pool, which takes any of its connections');
    else if (typeof foreign.end === 'function' || typeof foreign.release === 'function')
      await runOnClient(foreign.query.bind(foreign), statement);
    else throw noTransaction('this is the database itself');
  } else {
    throw noTransaction('this is none');
  }
}

/** A client does not say whether it is in a transaction; outside of one a savepoint is an error, and nothing after it is run. */
async function runOnClient(query: (text: string) => Promise<unknown>, statement: string): Promise<void> {
  try {
    await query(`SAVEPOINT rowcast; RELEASE SAVEPOINT rowcast; ${statement}`); // sql: a statement of our own, with quoted literals
  } catch (cause) {
    throw sqlState(cause) === '25P01' ? noTransaction('this client has not begun one', cause) : cause;
  }
}

function noTransaction(why: string, cause?: unknown): RowcastError {
  return new RowcastError(
    'receipt_invalid',
    `a receipt is left inside a transaction, and ${why}; give the \`tx\` of \`db.transaction(async (tx) => …)\`, or the client of \`pg\` that said BEGIN`,
    { cause },
  );
}
