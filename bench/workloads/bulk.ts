import { basename } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../test/servers/postgres.ts';
import { compare, counted, type Result } from '../measure.ts';
import type { Followed } from '../parts/following.ts';
import { Part } from '../process.ts';
import type { Scale } from '../scale.ts';

/** Rows of a transaction, and how many of those make a pass. */
const SIZES = { 1: 100, 100: 20, 10_000: 1, 100_000: 1 };
/** No view is told of more than a thousand rows of one commit one by one. */
const GROUPS = 1_000;
const SOCKETS = 10;
/** How long nothing else may be done in a server, ms. */
const STALL = 50;

/** Somebody who writes to a database that is followed. */
interface App {
  write(table: 'bound', rows: number, each: number): Promise<void>;
}

/** Transactions of one row to a hundred thousand: what a row costs, how long nothing else is done meanwhile, and how much memory it takes. */
export async function bulk(scale: Scale): Promise<readonly Result[]> {
  return [...(await onPostgres(scale)), ...(await onSqlite(scale))];
}

async function onPostgres({ passes, rows, against }: Scale): Promise<readonly Result[]> {
  await using server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '4GB' } });
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query('CREATE TABLE bound(id int PRIMARY KEY, team int, value int, body text)');
  await client.query("INSERT INTO bound SELECT n, n % $1, 0, repeat('body ', 12) FROM generate_series(0, $2::int - 1) n", [GROUPS, rows]);
  const app: App = {
    async write(_, count, each) {
      for (let done = 0; done < count; done += each)
        await client.query('UPDATE bound SET value = value + 1 WHERE id >= $1 AND id < $2', [done, done + each]);
    },
  };
  await using parts = new Servers();
  await parts.add('rowcast', new Part('bulk-postgres'), new Part('sink'), { at: server.url, slot: 'bench' });
  if (against !== undefined)
    await parts.add(basename(against), new Part('bulk-postgres', against), new Part('sink', against), {
      at: server.url,
      slot: 'bench_against',
    });
  const results = await measure('Postgres', parts, app, { passes, rows });
  await client.end();
  return results;
}

async function onSqlite({ passes, rows }: Scale): Promise<readonly Result[]> {
  const writer = new Part('journal-writer');
  try {
    const at = await writer.ask<string>('make', { rows, groups: GROUPS });
    await using parts = new Servers();
    await parts.add('rowcast', new Part('journal-rowcast'), new Part('sink'), { at, slot: '' });
    const app: App = { write: async (table, count, each) => void (await writer.ask('write', { table, rows: count, each })) };
    return await measure('SQLite', parts, app, { passes, rows });
  } finally {
    await writer.ask('close').catch(() => undefined);
    await writer.stop();
  }
}

/** Those who follow, with clients that hold all groups. */
class Servers implements AsyncDisposable {
  readonly by: Record<string, Part> = {};
  readonly #sinks: Part[] = [];

  async add(name: string, server: Part, sink: Part, place: { at: string; slot: string }): Promise<void> {
    this.by[name] = server;
    this.#sinks.push(sink);
    const port = await server.ask<number>('listen', { ...place, groups: GROUPS, sockets: SOCKETS });
    await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets: SOCKETS, asked: [{ stream: 'bound' }] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of Object.values(this.by)) {
      await server.ask('close').catch(() => undefined);
      await server.stop();
    }
    for (const sink of this.#sinks) await sink.stop();
  }
}

async function measure(
  database: string,
  servers: Servers,
  app: App,
  { passes, rows }: Pick<Scale, 'passes' | 'rows'>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const [size, times] of Object.entries(SIZES)) {
    const each = Number(size);
    if (each > rows) continue;
    const seen: Record<keyof Followed, Record<string, number[]>> = { at: {}, us: {}, stalled: {}, most: {} };
    // All of them follow the same writes, at once.
    const once = async (): Promise<void> => {
      for (const server of Object.values(servers.by)) await server.ask('begin');
      await app.write('bound', each * times, each);
      for (const [name, server] of Object.entries(servers.by)) {
        const { us, stalled, most } = await server.ask<Followed>('settled');
        (seen.us[name] ??= []).push(us / each / times);
        (seen.stalled[name] ??= []).push(stalled);
        (seen.most[name] ??= []).push(most);
      }
    };
    await once(); // warm
    for (const values of Object.values(seen)) for (const name of Object.keys(servers.by)) values[name] = [];
    for await (const _ of counted(passes)) await once();
    const workload = `${database}: a transaction of ${each.toLocaleString('en')} ${each === 1 ? 'row' : 'rows'}, told to ${SOCKETS} connections`;
    results.push(
      compare({ workload, figure: 'µs of the server’s CPU per row', better: 'less' }, seen.us),
      compare({ workload, figure: 'longest stall of the event loop, ms', better: 'less', targets: [{ limit: STALL }] }, seen.stalled),
      compare({ workload, figure: 'MB of memory, the most there were', better: 'less' }, seen.most),
    );
  }
  return results;
}
