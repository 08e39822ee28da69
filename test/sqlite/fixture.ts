import BetterSqlite3 from 'better-sqlite3';
import { sql as raw } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { drizzle as drizzle1 } from 'drizzle-orm-1/better-sqlite3';
import { drizzle as drizzleNode } from 'drizzle-orm-1/node-sqlite';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Database, Row } from '../../src/core/index.ts';
import { sqlite, type SqliteOptions } from '../../src/sqlite/index.ts';
import type { AppTransaction, Connection, DatabaseFixture, Skip, World } from '../../src/testing/index.ts';

export type DriverName = 'node:sqlite' | 'better-sqlite3';
export const DRIVERS: readonly DriverName[] = ['node:sqlite', 'better-sqlite3'];

/** An empty file in a folder of its own, and what else the laws of SQLite need of it. */
export interface SqliteWorld extends World {
  readonly file: string;
  /** The app's own connection, synchronous as it is. */
  exec(sql: string): void;
  database(options?: Omit<SqliteOptions, 'driver'>): Database;
}

/** What SQLite's log cannot do. */
export const SOURCE_SKIPS: readonly Skip[] = [
  { reason: 'a read of the journal sees whole transactions, and does not tell them apart', tests: ['two transactions are two commits'] },
  { reason: 'SQLite has no TRUNCATE', tests: ['a table emptied at a stroke is lost, and nothing else'] },
];

export function sqliteFixture(driver: DriverName, skip: readonly Skip[] = []): DatabaseFixture {
  return {
    name: `sqlite over ${driver}`,
    dialect: 'sqlite',
    skip,
    fresh: async () => freshWorld(driver),
    inHook: (tx, statement) => running(tx)(statement),
  };
}

export function freshWorld(driver: DriverName): SqliteWorld {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-sqlite-'));
  const file = join(folder, 'app.db');
  const app = driver === 'node:sqlite' ? new DatabaseSync(file, { timeout: 5_000 }) : new BetterSqlite3(file, { timeout: 5_000 });
  app.exec('PRAGMA user_version = 1');
  const others: Connection[] = [];
  let closed = false;
  const closeApp = (): void => {
    if (!closed) app.close();
    closed = true;
  };
  const connection: Connection = {
    run: async (statement) => void app.exec(statement),
    all: async (query) => app.prepare(query).all() as Row[],
    close: async () => closeApp(),
  };
  return {
    file,
    app: connection,
    exec: (statement) => void app.exec(statement),
    database: (options = {}) => sqlite(file, driver === 'node:sqlite' ? options : { ...options, driver: BetterSqlite3 }),
    transactions: app instanceof DatabaseSync ? nodeTransactions(app) : betterTransactions(app),
    async other() {
      const other = otherProcess(file);
      others.push(other);
      return other;
    },
    async close() {
      await Promise.all(others.map((other) => other.close()));
      closeApp();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Work = Parameters<AppTransaction>[0];

/** Between BEGIN and COMMIT, without giving way. */
function begun(app: { exec(sql: string): unknown }, work: () => unknown): void {
  app.exec('BEGIN');
  try {
    work();
    app.exec('COMMIT');
  } catch (error) {
    app.exec('ROLLBACK');
    throw error;
  }
}

function running(tx: unknown): (statement: string) => void {
  return (statement) => void (tx as { run(query: unknown): unknown }).run(raw.raw(statement));
}

function nodeTransactions(app: DatabaseSync): World['transactions'] {
  const db = drizzleNode({ client: app });
  return {
    'node:sqlite': async (work) => begun(app, () => work(app, (statement) => app.exec(statement))),
    'Drizzle 1.0': async (work) => void db.transaction((tx) => work(tx, running(tx))),
    "Drizzle 1.0's database after BEGIN": async (work) => begun(app, () => work(db, running(db))),
  };
}

function betterTransactions(app: BetterSqlite3.Database): World['transactions'] {
  const run = (statement: string): unknown => app.exec(statement);
  const ways = [drizzle({ client: app }), drizzle1({ client: app })].flatMap((db, at): [string, (work: Work) => unknown][] => [
    [`Drizzle, ${at}`, (work) => (db.transaction as (body: (tx: unknown) => unknown) => unknown)((tx) => work(tx, running(tx)))],
    [`Drizzle's database after BEGIN, ${at}`, (work) => begun(app, () => work(db, running(db)))],
  ]);
  return {
    'better-sqlite3': async (work) => begun(app, () => work(app, run)),
    "better-sqlite3's own": async (work) => app.transaction(() => void work(app, run))(),
    ...Object.fromEntries(ways.map(([name, way]) => [name, async (work: Work) => void way(work)])),
  };
}

/** A connection in a process of its own. */
export function otherProcess(file: string): Connection {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(new URL('other-process.mjs', import.meta.url)), file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (request: object): Promise<readonly Row[]> => {
    const asked = turn.then(async () => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the other process is gone');
      const { rows, error } = JSON.parse(value as string) as { rows: readonly Row[] | null; error?: string };
      if (error !== undefined) throw new Error(error);
      return rows ?? [];
    });
    turn = asked.catch(() => undefined);
    return asked;
  };
  return {
    run: async (statement) => void (await ask({ sql: statement })),
    all: (query) => ask({ sql: query, all: true }),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

/** A process of its own that follows the file's table `t` as Rowcast does. */
export interface Follower {
  readonly epoch: string;
  readonly tail: string;
  /** The positions that it has told by now. */
  readonly told: readonly string[];
  /** Ends it as it wants to be ended, or at once. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export async function follower(file: string, driver: DriverName): Promise<Follower> {
  const child = spawn(process.execPath, ['--no-warnings', fileURLToPath(new URL('follower.ts', import.meta.url)), file, driver], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const told: string[] = [];
  const lines = createInterface({ input: child.stdout });
  const first = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('the follower ended')));
  });
  const { epoch, tail } = JSON.parse(await first) as { epoch: string; tail: string };
  lines.on('line', (line) => told.push((JSON.parse(line) as { position: string }).position));
  return {
    epoch,
    tail,
    told,
    async stop() {
      child.stdin.end();
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
