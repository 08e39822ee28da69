import type { PGlite } from '@electric-sql/pglite';
import { type Commit, type Image, type Table } from '../../src/core/index.ts';
import { pglite } from '../../src/pglite/index.ts';
import { systemClock } from '../../src/server/time/clock.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { Follower, TestLog, until } from './follower.ts';
import type { RowsSite } from './rows-laws.ts';
import { siteOn } from './setup-laws.ts';
import { TYPES } from './values.ts';

export async function rowsSiteOnServer(server: PostgresServer): Promise<RowsSite & AsyncDisposable> {
  const site = await siteOn(server);
  const name = new URL(site.world.url).pathname.slice(1);
  // Whoever reads must not depend on it.
  for (const [setting, value] of Object.entries(HOSTILE)) await site.app.run(`ALTER DATABASE "${name}" SET ${setting} = '${value}'`); // sql: constants
  for (const type of TYPES) await site.app.run(type);
  let follower: Follower | null = null;
  return {
    app: site.app,
    async open(bounds) {
      follower = await Follower.of(site.database(), bounds);
      return follower.open;
    },
    async logged() {
      await follower?.settled();
      return insertsOf(follower?.commits ?? []);
    },
    async [Symbol.asyncDispose]() {
      await follower?.[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

export async function rowsSiteOnPglite(db: PGlite): Promise<RowsSite & AsyncDisposable> {
  for (const type of TYPES) await db.exec(type);
  for (const [setting, value] of Object.entries(HOSTILE)) await db.exec(`SET ${setting} = '${value}'`); // sql: constants
  const ended = new AbortController();
  const commits: Commit[] = [];
  let reading: Promise<void> = Promise.resolve();
  return {
    app: {
      run: async (statement) => void (await db.exec(statement)),
      all: async (query) => (await db.query<Record<string, unknown>>(query)).rows,
      close: () => Promise.resolve(),
    },
    async open(bounds) {
      const open = await pglite(db).open(bounds, { setup: 'auto', clock: systemClock, log: new TestLog() });
      const tail = await open.source.tail();
      reading = (async () => {
        for await (const batch of open.source.read(tail, ended.signal)) commits.push(...batch);
      })();
      return open;
    },
    async logged(open) {
      await open.source.mark({ client: 'fence', write: 1 });
      await until(() => commits.some(({ receipts }) => receipts.length > 0));
      return insertsOf(commits);
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await reading;
      await db.exec('RESET ALL');
    },
  };
}

const HOSTILE = { DateStyle: 'German', IntervalStyle: 'postgres_verbose', bytea_output: 'escape', extra_float_digits: '-5' };

function insertsOf(commits: readonly Commit[]): ReadonlyMap<Table, readonly Image[]> {
  const images = new Map<Table, Image[]>();
  for (const { table, after } of commits.flatMap(({ changes }) => changes)) {
    if (after) images.set(table, [...(images.get(table) ?? []), after]);
  }
  return images;
}
