import { RowcastError } from '../core/index.ts';
import type { Connection } from './connection.ts';
import { Gate } from './gate.ts';

/** The one handle of all hooks, made when first needed. It works while a hook runs: what a hook left behind to run later finds it dead. */
export class HookHandle {
  readonly #connection: Connection;
  readonly #own: ((client: unknown) => unknown) | undefined;
  readonly #gate = new Gate();
  #handle: Promise<unknown> | null = null;

  constructor(connection: Connection, own: ((client: unknown) => unknown) | undefined) {
    this.#connection = connection;
    this.#own = own;
  }

  /** @throws {RowcastError} `driver_missing`. */
  handle(): Promise<unknown> {
    return (this.#handle ??= this.#made());
  }

  /**
   * Runs a hook's code, inside a transaction. Whatever it does is synchronous, so nobody else's code finds the handle alive. A RAISE(ROLLBACK) ends
   * the transaction: where the hook swallows that, what it wrote next would be committed by itself, and be all that is left of the write.
   * @throws {RowcastError} `hook_invalid` where the transaction is over.
   */
  during<T>(body: () => T): T {
    const made = this.#gate.during(body, this.#inside);
    this.#inside();
    return made;
  }

  readonly #inside = (): void => {
    if (this.#connection.inTransaction) return;
    const cure = 'let what a statement throws through, or catch it outside of the hook';
    throw new RowcastError('hook_invalid', `the transaction of a hook was rolled back while the hook went on; ${cure}`);
  };

  async #made(): Promise<unknown> {
    const { client, drizzleClient } = this.#connection;
    const guarded = this.#gate.guard(client as object);
    const own = this.#own;
    // The app's own making may set the connection up.
    if (own) return this.#gate.during(() => own(guarded));
    const like = client === drizzleClient ? guarded : this.#gate.guard(drizzleClient as object);
    return drizzleOver({ client: guarded, drizzleClient: like });
  }
}

/**
 * The Drizzle handle that hooks get, over Rowcast's own connection: synchronous, whichever driver stands below. Drizzle 1.0 has a driver for
 * node:sqlite; 0.45 has one for better-sqlite3 only, whose session takes any client of that shape.
 */
async function drizzleOver({ client, drizzleClient }: Pick<Connection, 'client' | 'drizzleClient'>): Promise<unknown> {
  try {
    if (client === drizzleClient) {
      const { drizzle } = (await import('drizzle-orm/better-sqlite3')) as unknown as Driver;
      return drizzle({ client });
    }
    const own = await load<Driver>('drizzle-orm/node-sqlite');
    if (own) return own.drizzle({ client });
    return await over045(drizzleClient);
  } catch (cause) {
    if (cause instanceof RowcastError) throw cause;
    const cure = 'run `npm install drizzle-orm`, or say sqlite(file, { drizzle: (client) => … })';
    throw new RowcastError('driver_missing', `hooks get a Drizzle handle, and drizzle-orm is not there: ${cure}`, { cause });
  }
}

interface Driver {
  drizzle(options: { readonly client: unknown }): unknown;
}

/** What `drizzle-orm/better-sqlite3` does, without loading better-sqlite3 itself, which need not be installed. */
async function over045(client: unknown): Promise<unknown> {
  const [{ BetterSQLiteSession }, { BaseSQLiteDatabase, SQLiteSyncDialect }] = await Promise.all([
    import('drizzle-orm/better-sqlite3/session'),
    import('drizzle-orm/sqlite-core'),
  ]);
  const dialect = new SQLiteSyncDialect();
  const session = new BetterSQLiteSession(client as never, dialect, undefined);
  return new BaseSQLiteDatabase('sync', dialect, session as never, undefined);
}

/** A module that this version of the package may not have. */
async function load<M>(path: string): Promise<M | null> {
  try {
    return (await import(path)) as M;
  } catch {
    return null;
  }
}
