import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';

/** What two processes may take for a delivery, of what one takes. */
const TWO = 1.1;
/** Between two commits, ms: each is a write of its own to every socket. */
const EVERY = 25;

/** Processes that serve one file between them, those who are connected to each, and somebody who writes. */
interface House {
  readonly servers: readonly Part[];
  readonly sinks: readonly Part[];
  readonly app: Part;
}

/** One row of a SQLite file to as many sockets by one process, and by two that share what one of them reads: the CPU of all of them. */
export async function siblings({ passes, sockets, commits }: Scale): Promise<readonly Result[]> {
  const all: House[] = [];
  try {
    for (const count of [2, 1]) all.push(await house(count, sockets));
    const [two, one] = all as [House, House];
    const run = (each: House) => (): Promise<number> => perDelivery(each, { sockets, commits });
    for (const each of all) await perDelivery(each, { sockets, commits: 10, every: 200 }); // warm, and slow: who is behind is sent several as one
    const values = await interleaved(passes, { 'two processes': run(two), 'one process': run(one) });
    const targets = [{ against: 'one process', ratio: TWO }];
    const workload = `sqlite: one row to ${sockets} sockets, of two processes and of one`;
    return [compare({ workload, figure: 'µs CPU per delivery', better: 'less', targets }, values)];
  } finally {
    for (const { servers, app } of all) for (const part of [app, ...servers]) await part.ask('close').catch(() => undefined);
    await Promise.all(all.flatMap(({ servers, sinks, app }) => [...servers, ...sinks, app]).map((part) => part.stop()));
  }
}

async function house(count: number, sockets: number): Promise<House> {
  const servers = Array.from({ length: count }, () => new Part('siblings'));
  const sinks = servers.map(() => new Part('sink'));
  const app = new Part('latency-writer');
  const at = await (servers[0] as Part).ask<string>('make');
  for (const [n, server] of servers.entries()) {
    const port = await server.ask<number>('listen', { at, alone: count === 1 });
    const asked = [{ stream: 'hot' }];
    await sinks[n]?.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets: sockets / count, asked });
  }
  await app.ask('sqlite', { at });
  return { servers, sinks, app };
}

interface Writing {
  readonly sockets: number;
  readonly commits: number;
  readonly every?: number;
}

async function perDelivery({ servers, sinks, app }: House, { sockets, commits, every = EVERY }: Writing): Promise<number> {
  const cpu = async (): Promise<number> => {
    const used = await Promise.all(servers.map((server) => server.ask<Cpu>('cpu')));
    return used.reduce((sum, { us }) => sum + us, 0);
  };
  const before = await cpu();
  const done = sinks.map((sink) => sink.ask('frames', { each: commits }));
  await app.ask('commit', { commits, every });
  await Promise.all(done);
  return ((await cpu()) - before) / (commits * sockets);
}
