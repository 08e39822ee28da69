import { basename } from 'node:path';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';
import { Backlog } from '../load/backlog.ts';
import { compare, type Result } from '../measure.ts';
import { Part } from '../process.ts';
import { references } from '../references/install.ts';
import type { Scale } from '../scale.ts';

/** Rows of a commit. */
const DECODED = 1_000;
const ROUTED = 100;
/** Connections that share all groups between them. */
const HOLDERS = 10;

/** A backlog of committed updates, both images of every row: decoded from the log; and told to whoever holds the row's group. */
export async function capture(scale: Scale): Promise<readonly Result[]> {
  // Who is frozen answers nothing, and must not be taken for dead.
  await using server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '4GB', wal_sender_timeout: 0 } });
  return [...(await decoded(server, scale)), ...(await routed(server, scale))];
}

async function decoded(server: PostgresServer, scale: Scale): Promise<readonly Result[]> {
  const { passes, rows, against } = scale;
  const url = await server.createDatabase();
  await using app = await writer(url);
  await app.query('CREATE TABLE hot(id int PRIMARY KEY, value bigint, name text, body text, at timestamptz default now())');
  await app.query("INSERT INTO hot SELECT n, 0, 'name ' || n, repeat('body ', 12) FROM generate_series(1, $1::int) n", [DECODED]);
  await using readers = new Readers();
  await readers.add('rowcast', new Part('capture-rowcast')).ask('prepare', { url, slot: 'bench_rowcast' });
  if (await references(scale)) {
    for (const by of ['postgres.js', 'pg-logical-replication'])
      await readers.add(by, new Part('capture-reference')).ask('prepare', { url, by });
  }
  if (against !== undefined)
    await readers.add(basename(against), new Part('capture-rowcast', against)).ask('prepare', { url, slot: 'bench_against' });
  const backlog = new Backlog(readers.parts, rows, async () => {
    for (let done = 0; done < rows; done += DECODED) await app.query('UPDATE hot SET value = value + 1');
  });
  const rates = await backlog.read(passes);
  const workload = `pgoutput: a backlog of updates, ${DECODED} rows a commit`;
  return [
    compare({ workload, figure: 'rows per second', better: 'more', targets: [{ limit: 180_000 }] }, rates),
    compare(
      {
        workload,
        figure: 'µs of the reader’s CPU per row',
        better: 'less',
        headline: 'rows read from the log and decoded',
        targets: [
          { against: 'postgres.js', ratio: 0.55 },
          { against: 'pg-logical-replication', ratio: 0.3 },
        ],
      },
      backlog.cpu,
    ),
  ];
}

async function routed(server: PostgresServer, { passes, rows, groups, against }: Scale): Promise<readonly Result[]> {
  const url = await server.createDatabase();
  await using app = await writer(url);
  await app.query('CREATE TABLE grouped(id int PRIMARY KEY, team int, value bigint, name text, body text)');
  // Rows that are written together are in groups here and there.
  await app.query(
    "INSERT INTO grouped SELECT n, n::bigint * 7919 % $1, 0, 'name ' || n, repeat('body ', 12) FROM generate_series(0, $1::int - 1) n",
    [groups],
  );
  await using readers = new Readers();
  const contenders = {
    rowcast: groups,
    'a hundredth of the groups': groups / 100,
    ...(against !== undefined && { [basename(against)]: groups }),
  };
  for (const [name, live] of Object.entries(contenders)) {
    const from = name === 'rowcast' || live !== groups ? undefined : against;
    const slot = `bench_${Object.keys(readers.parts).length}`;
    const port = await readers
      .add(name, new Part('capture-routed', from))
      .ask<number>('listen', { url, slot, groups: live, sockets: HOLDERS });
    const sink = readers.sink(new Part('sink', from));
    await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets: HOLDERS, asked: [{ stream: 'grouped' }] });
  }
  let next = 0;
  const backlog = new Backlog(readers.parts, rows, async () => {
    for (let done = 0; done < rows; done += ROUTED, next = (next + ROUTED) % groups)
      await app.query('UPDATE grouped SET value = value + 1 WHERE id >= $1 AND id < $2', [next, next + ROUTED]);
  });
  const rates = await backlog.read(passes);
  const workload = `a backlog of updates told to ${HOLDERS} connections that share ${groups} groups, ${ROUTED} rows a commit`;
  return [
    compare({ workload, figure: 'rows per second', better: 'more', targets: [{ limit: 100_000 }] }, rates),
    compare({ workload, figure: 'µs of the server’s CPU per row', better: 'less' }, backlog.cpu),
  ];
}

async function writer(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client(url);
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** Those who read, and the clients of them who have any. */
class Readers implements AsyncDisposable {
  readonly parts: Record<string, Part> = {};
  readonly #sinks: Part[] = [];

  add(name: string, part: Part): Part {
    return (this.parts[name] = part);
  }

  sink(part: Part): Part {
    this.#sinks.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of Object.values(this.parts)) {
      await part.ask('close').catch(() => undefined);
      await part.stop();
    }
    for (const sink of this.#sinks) await sink.stop();
  }
}
