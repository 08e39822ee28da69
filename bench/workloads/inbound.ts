import { basename } from 'node:path';
import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';

const SOCKETS = 100;
/** Writes that each of them has on the way. */
const DEPTH = 20;
/** A database that commits to the disk does so many times fewer. */
const SLOWER = 10;

interface Contender {
  readonly server: Part;
  readonly load: Part;
}

/** What clients ask to have written, from their frame to the answer: without a database, on SQLite, on Postgres; and messages, which nobody answers. */
export async function inbound(scale: Scale): Promise<readonly Result[]> {
  return [...(await withoutDatabase(scale)), ...(await onSqlite(scale)), ...(await onPostgres(scale))];
}

async function withoutDatabase({ passes, asked, against }: Scale): Promise<readonly Result[]> {
  const contenders = {
    rowcast: await open('inbound-memory'),
    ...(against !== undefined && { [basename(against)]: await open('inbound-memory', { from: against }) }),
    'ws, parsed and answered': await open('inbound-ws', { protocol: '' }),
  };
  try {
    const { writes, used } = await measured(passes, await runs(contenders, (each) => () => ask(each, asked)));
    const messages = await interleaved(passes, await runs(contenders, (each) => () => talk(each, asked)));
    const workload = `inbound: ${SOCKETS} sockets, ${DEPTH} writes each under way, no database`;
    return [
      compare(
        { workload, figure: 'acknowledged per second', better: 'more', targets: [{ limit: 45_000 }], headline: 'writes of clients' },
        writes,
      ),
      compare({ workload, figure: 'µs CPU per write', better: 'less' }, used),
      compare(
        { workload: `inbound: messages of ${SOCKETS} sockets to a consumer`, figure: 'µs CPU per message', better: 'less' },
        messages,
      ),
    ];
  } finally {
    await close(contenders);
  }
}

async function onSqlite({ passes, asked, against }: Scale): Promise<readonly Result[]> {
  const contenders = {
    rowcast: await open('inbound-sqlite'),
    ...(against !== undefined && { [basename(against)]: await open('inbound-sqlite', { from: against }) }),
  };
  const { server } = contenders.rowcast;
  const loop = (file: 'followed' | 'free') => () => spent(server, asked, () => server.ask<number>('loop', { file, count: asked }));
  try {
    const { writes, used } = await measured(passes, {
      ...(await runs(contenders, (each) => () => ask(each, asked))),
      'a bare loop': loop('followed'),
      'a bare loop, without the trigger': loop('free'),
    });
    const workload = `inbound: ${SOCKETS} sockets, ${DEPTH} writes each under way, SQLite`;
    const targets = [{ against: 'a bare loop', ratio: 0.5 }];
    return [
      compare({ workload, figure: 'acknowledged per second', better: 'more', targets }, writes),
      compare({ workload, figure: 'µs CPU per write', better: 'less' }, used),
    ];
  } finally {
    await close(contenders);
  }
}

async function onPostgres({ passes, asked, against }: Scale): Promise<readonly Result[]> {
  const contenders = {
    rowcast: await open('inbound-postgres'),
    ...(against !== undefined && { [basename(against)]: await open('inbound-postgres', { from: against }) }),
  };
  const { server } = contenders.rowcast;
  const count = asked / SLOWER;
  try {
    const { writes, used } = await measured(passes, {
      ...(await runs(contenders, (each) => () => ask(each, count))),
      'pg, a transaction each': () => spent(server, count, () => server.ask<number>('loop', { count })),
    });
    const workload = `inbound: ${SOCKETS} sockets, ${DEPTH} writes each under way, Postgres`;
    return [
      compare({ workload, figure: 'acknowledged per second', better: 'more' }, writes),
      compare({ workload, figure: 'µs of the app’s CPU per write', better: 'less' }, used),
    ];
  } finally {
    await close(contenders);
  }
}

/** Warm. */
async function runs<T>(
  contenders: Readonly<Record<string, Contender>>,
  run: (contender: Contender) => () => Promise<T>,
): Promise<Record<string, () => Promise<T>>> {
  const made = Object.fromEntries(Object.entries(contenders).map(([name, each]) => [name, run(each)]));
  for (const each of Object.values(made)) await each();
  return made;
}

interface Spent {
  /** Per second. */
  readonly rate: number;
  /** The server's CPU for each, in µs. */
  readonly us: number;
}

/** Both figures of the same passes. */
async function measured(passes: number, contenders: Readonly<Record<string, () => Promise<Spent>>>) {
  const used: Record<string, number[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  const writes = await interleaved(
    passes,
    Object.fromEntries(
      Object.entries(contenders).map(([name, run]) => [
        name,
        async () => {
          const { rate, us } = await run();
          used[name]?.push(us);
          return rate;
        },
      ]),
    ),
  );
  return { writes, used };
}

/** What clients ask to have written. */
async function ask({ server, load }: Contender, writes: number): Promise<Spent> {
  const count = await load.ask<number>('make', { count: writes });
  return spent(server, count, async () => count / (await load.ask<number>('ask')));
}

/** @param run gives how many there were per second */
async function spent(server: Part, count: number, run: () => Promise<number>): Promise<Spent> {
  const before = await server.ask<Cpu>('cpu');
  const rate = await run();
  return { rate, us: ((await server.ask<Cpu>('cpu')).us - before.us) / count };
}

async function talk({ server, load }: Contender, messages: number): Promise<number> {
  const count = await load.ask<number>('talk', { count: messages });
  const before = await server.ask<Cpu>('cpu');
  const heard = server.ask('heard', { count });
  await load.ask('pour');
  await heard;
  return ((await server.ask<Cpu>('cpu')).us - before.us) / count;
}

async function open(part: string, { from, protocol = 'rowcast.1' }: { from?: string; protocol?: string } = {}): Promise<Contender> {
  const server = new Part(part, from);
  const load = new Part('answers-sink');
  await load.ask('open', { port: await server.ask<number>('listen'), protocol, depth: DEPTH, sockets: SOCKETS });
  return { server, load };
}

async function close(contenders: Readonly<Record<string, Contender>>): Promise<void> {
  for (const { server, load } of Object.values(contenders)) {
    await load.stop();
    await server.ask('close').catch(() => undefined);
    await server.stop();
  }
}
