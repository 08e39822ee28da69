import { realpathSync, statSync } from 'node:fs';
import { RowcastError, type Bound, type Database, type OpenDatabase, type OpenOptions, type SetupStep, type Table } from '../core/index.ts';
import { SqliteBus } from './bus.ts';
import { connectTo, connectToOwn, connectToRead, type File } from './connect.ts';
import { isBusy, type BetterSqlite3, type Connection } from './connection.ts';
import { Cuts, removeCuts } from './cuts.ts';
import { examine } from './examine.ts';
import { HookHandle } from './hook-tx.ts';
import type { Joined } from './join.ts';
import { Journal } from './journal.ts';
import { sqliteLease } from './lease.ts';
import { WriteLock } from './lock.ts';
import { leaveInside } from './own-transaction.ts';
import { Pulse } from './pulse.ts';
import { Schema, setupNeeded } from './schema.ts';
import { plan, planSteps, walStep, type Plan } from './setup.ts';
import { Readers } from './readers.ts';
import { SqliteRows } from './rows.ts';
import { SqliteSource, type Keep } from './source.ts';
import { SqliteStore } from './store.ts';
import { teardownSteps } from './teardown.ts';

export interface SqliteOptions {
  /**
   * `'node:sqlite'` (the default; Node 22.13 or later), or better-sqlite3's `Database` class. Take the one the app itself uses: two copies of
   * SQLite in one process release each other's file locks, and that can corrupt the file (https://sqlite.org/howtocorrupt.html).
   */
  readonly driver?: 'node:sqlite' | BetterSqlite3;
  /**
   * Makes the Drizzle handle that hooks get, from the driver's own object. Default: `drizzle-orm`, loaded when a hook first runs. Give it when
   * hooks use the relational queries of a schema.
   */
  drizzle?(client: unknown): unknown;
  /**
   * How much of what changed the file keeps for clients that come back after a restart: `rows` of its journal, two or three hundred bytes each
   * beside their values, and for how many milliseconds. The oldest go at whichever bound is reached. Default: 200,000 rows, an hour.
   */
  readonly keep?: Partial<Keep>;
}

const KEEP: Keep = { rows: 200_000, age: 60 * 60 * 1_000 };
/** Readings at a time. Each sees its own moment, which the write-ahead log has to remember for it. */
const READINGS = 4;

/**
 * A SQLite file as a database to bind. Whoever writes to it, on whichever connection, is followed by triggers that keep a journal in the file;
 * Rowcast reads and writes on a connection of its own, in WAL mode with `synchronous = NORMAL`, and never holds it across an await: what was
 * written survives a crash of the process, and a loss of power but for its last moments. Beside the file it keeps a small one of its own
 * (`app.db-rowcast`), by which clients go on where they were after a restart: neither back it up nor restore it. Where it is missing, or
 * cannot be written, they read their rows anew.
 *
 * While bound, SQLite refuses `ALTER TABLE … DROP COLUMN` of a column that the model has, since a trigger names it: run `npx rowcast teardown`
 * before such a migration and start again after it. Adding and renaming columns, and rebuilding tables, need nothing.
 *
 * @example
 * ```ts
 * const live = await rowcast({ source: sqlite('app.db'), bindings: { posts } })
 * ```
 * @throws {RowcastError} `source_unsupported` for `:memory:` and `''`, which are another database on every connection.
 */
export function sqlite(file: string, options: SqliteOptions = {}): Database {
  if (file === '' || file === ':memory:' || /^file:.*(?::memory:|mode=memory)/.test(file)) {
    const cure = "give a file's name, such as sqlite('app.db'); for tests, one in a temporary folder";
    throw new RowcastError(
      'source_unsupported',
      `a SQLite database in memory belongs to the one connection that made it, so it cannot be followed: ${cure}`,
    );
  }
  const keep = { ...KEEP, ...options.keep };
  if (!(keep.rows >= 0 && keep.age >= 0)) {
    throw new RowcastError(
      'source_unsupported',
      '`keep` needs `rows` and `age` (in ms) that are not negative; leave out what may stay as it is',
    );
  }
  const at: File = { path: file, driver: options.driver ?? 'node:sqlite' };
  const connect = (): Promise<Connection> => connectTo(at);
  return {
    name: `sqlite ${file}`,
    async plan(bound) {
      const connection = await connect();
      try {
        const wal = walStep(connection);
        return [...(wal ? [wal] : []), ...plan(connection, bound, true).steps];
      } finally {
        connection.close();
      }
    },
    async open(bound, opening) {
      const connection = await connect();
      try {
        return await opened(connection, bound, { ...opening, file: at, keep, options });
      } catch (error) {
        connection.close();
        throw error;
      }
    },
    examine: (bound) => examine(connect, bound),
    async teardown() {
      const connection = await connect();
      try {
        return await torndown(connection, file);
      } finally {
        connection.close();
      }
    },
  };
}

interface Opening extends OpenOptions {
  readonly file: File;
  readonly keep: Keep;
  readonly options: SqliteOptions;
}

async function opened(
  connection: Connection,
  bound: readonly Bound[],
  { setup, shared = false, clock, log, file, keep, options }: Opening,
): Promise<OpenDatabase> {
  const lock = new WriteLock(connection, clock);
  const joined = setup === 'auto' ? await setUp(connection, bound, lock) : checked(connection, bound);
  const journal = new Journal(connection, joined);
  const schema = new Schema(connection, joined, { bound, lock, log, setup });
  const pulse = new Pulse(connection, clock);
  const identity = identityOf(connection, file.path);
  const cuts = await Cuts.open({
    file: cutsFile(file.path),
    journal: connection,
    clock,
    log,
    connect: (path) => connectToOwn(file, path),
  });
  const joinedTo = (table: Table): Joined => joinedOf(schema.joined, table);
  const source = new SqliteSource({
    epoch: `${identity}-${cuts.history}`,
    connection,
    journal,
    schema,
    pulse,
    lock,
    clock,
    cuts,
    keep,
  });
  // Who shares a broker has its bus.
  const bus = shared ? null : new SqliteBus({ connection, lock, pulse, clock, log });
  bus?.start();
  const readers = new Readers(READINGS, () => connectToRead(file));
  const store = new SqliteStore({
    connection,
    journal,
    pulse,
    lock,
    clock,
    joined: joinedTo,
    hooks: new HookHandle(connection, options.drizzle && ((client) => options.drizzle?.(client))),
  });
  return {
    tables: new Map(joined.map(({ table }) => [table.model, table])),
    source,
    store,
    rows: new SqliteRows({ readers, cuts, schema, clock, joined: joinedTo }),
    ...(bus && { bus }),
    lease: sqliteLease({ connection, lock, clock }),
    secret: meta(connection, 'secret'),
    leave: leaveInside,
    async close() {
      if (lock.closed) return;
      lock.close();
      source.close();
      bus?.close();
      pulse.close();
      await readers.close();
      cuts.close();
      connection.close();
    },
  };
}

async function setUp(connection: Connection, bound: readonly Bound[], lock: WriteLock): Promise<readonly Joined[]> {
  const first = plan(connection, bound, true);
  const wal = walStep(connection);
  if (first.steps.length > 0) {
    const { joined } = await lock.transaction((): Plan => {
      // Planned again under the lock: another process may be doing the same.
      const missing = plan(connection, bound, true);
      for (const { sql } of missing.steps) connection.exec(sql);
      return missing;
    });
    if (wal) await lock.retried(() => connection.exec(wal.sql));
    return joined;
  }
  if (wal) await lock.retried(() => connection.exec(wal.sql));
  return first.joined;
}

function checked(connection: Connection, bound: readonly Bound[]): readonly Joined[] {
  const { joined } = plan(connection, bound, false);
  const wal = walStep(connection);
  const steps = [...(wal ? [wal] : []), ...planSteps(connection, joined, false)];
  if (steps.length > 0) throw setupNeeded(steps);
  return joined;
}

async function torndown(connection: Connection, file: string): Promise<readonly SetupStep[]> {
  const steps = teardownSteps(connection);
  const done: SetupStep[] = [];
  connection.exec('BEGIN IMMEDIATE');
  for (const step of steps.inTransaction) {
    connection.exec(step.sql);
    done.push(step);
  }
  connection.exec('COMMIT');
  removeCuts(cutsFile(file));
  if (steps.after) {
    try {
      connection.exec(steps.after.sql);
      done.push(steps.after);
    } catch (error) {
      // Others have the file open: WAL mode stays, which harms nobody, and whoever is last may switch it off.
      if (!isBusy(error)) throw error;
    }
  }
  return done;
}

function joinedOf(joined: readonly Joined[], table: Table): Joined {
  const found = joined.find((each) => each.table === table);
  if (!found) throw new RowcastError('binding_invalid', `"${table.id}" is not bound in this database`);
  return found;
}

function meta(connection: Connection, name: string): string {
  return connection.all('SELECT value FROM _rowcast_meta WHERE name = ?', name)[0]?.[0] as string;
}

/** Beside the database, whichever of its names it was opened by. */
function cutsFile(file: string): string {
  return `${realpathSync(file)}-rowcast`;
}

/**
 * Of the history's name what the cuts do not say: made at setup, and which file this is. A folder that was restored as a whole says the same
 * in all its files. A file system that keeps no time of birth gives that of the last change instead, which says nothing.
 */
function identityOf(connection: Connection, file: string): string {
  const { ino, birthtimeNs, ctimeNs } = statSync(file, { bigint: true });
  const born = birthtimeNs === ctimeNs ? 0n : birthtimeNs;
  return [meta(connection, 'epoch'), ino.toString(36), born.toString(36)].join('-');
}
