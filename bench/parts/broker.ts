import { systemClock, type Broker, type Ledger } from 'rowcast';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';
import { Counting } from './captured.ts';

type Entry = Parameters<Ledger['append']>[0][number];

/** How each broker is opened; `at` is what its server said. Only what is measured is loaded. */
const OPEN: Readonly<Record<string, (at: string) => Promise<Broker>>> = {
  'node-redis': async (at) => (await import('rowcast/redis')).redis((await import('redis')).createClient({ url: at })),
  ioredis: async (at) => {
    const { Redis } = await import('ioredis');
    return (await import('rowcast/redis')).redis(new Redis(at, { lazyConnect: true }));
  },
  nats: async (at) => (await import('rowcast/nats')).nats(at),
};

/** Two hundred bytes of fields, as a row of a few columns has. */
const FIELDS = JSON.stringify({ id: 1, title: 'A title of a row', body: 'x'.repeat(140), done: false });
const BOUNDS = { entries: 100_000, bytes: 64 * 1024 * 1024, age: 3_600_000 };
const positionOf = (at: number): string => at.toString(16).padStart(16, '0');
const START = positionOf(1);
const silent = { info: () => undefined, warn: () => undefined, error: console.error };
const counting = new Counting();
const stop = new AbortController();
let open: Awaited<ReturnType<Broker['open']>>;
let term = 0;
let number = 1;
let following: Promise<void> | undefined;
/** When each entry came, while they are timed. */
let came: number[] | null = null;

/** So many changes in commits of so many each, the next ones. */
function entries(rows: number, commit: number): Entry[] {
  return Array.from({ length: Math.ceil(rows / commit) }, (_, at) => {
    const prev = positionOf(number);
    const xid = String(++number);
    const deliveries = Array.from({ length: Math.min(commit, rows - at * commit) }, (_row, row) => ({
      stream: 'items',
      key: `${xid}${row}`,
      before: ['["g",1]'],
      after: ['["g",1]'],
      fields: FIELDS,
    }));
    return { position: positionOf(number), prev, xid, time: Date.now(), receipts: [], deliveries, resets: [], members: [] };
  });
}

async function follow(after: string): Promise<void> {
  for await (const batch of open.ledger.follow(after, stop.signal)) {
    if (came) for (const _ of batch) came.push(machineMs());
    else counting.came(batch.reduce((sum, { deliveries }) => sum + deliveries.length, 0));
  }
}

answer({
  async open({ broker, at }: { broker: string; at: string }) {
    const make = OPEN[broker] ?? (() => Promise.reject(new Error(`no broker is called ${broker}`)));
    open = await (await make(at)).open({ epoch: 'bench', start: START, bounds: BOUNDS, clock: systemClock, log: silent });
  },
  lead: async () => void (term = await open.ledger.lead()),
  follow: () => void (following = follow(START)),
  expect: ({ rows }: { rows: number }) => counting.expect(rows),
  done: () => Promise.race([counting.done, following]),
  /** So many changes, in commits of so many, in calls of so many, a few of them on their way at once. Gives when it began. */
  async flood({ rows, commit, each, flight }: { rows: number; commit: number; each: number; flight: number }) {
    const calls: Entry[][] = [];
    for (let made = 0; made < rows; made += each) calls.push(entries(Math.min(each, rows - made), commit));
    globalThis.gc?.();
    const begun = machineMs();
    const { user, system } = process.cpuUsage();
    const under: Promise<void>[] = [];
    for (const call of calls) {
      if (under.length >= flight) await under.shift();
      under.push(open.ledger.append(call, term));
    }
    await Promise.all(under);
    const after = process.cpuUsage();
    return { begun, us: after.user + after.system - user - system };
  },
  time: () => void (came = []),
  times: () => came?.splice(0) ?? [],
  /** One change after the other, with a pause between; gives when each was given to `append`. */
  async paced({ commits, pause }: { commits: number; pause: number }) {
    const sent: number[] = [];
    for (let commit = 0; commit < commits; commit++) {
      const one = entries(1, 1);
      sent.push(machineMs());
      await open.ledger.append(one, term);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return sent;
  },
  untimed: () => void (came = null),
  async close() {
    stop.abort();
    await following;
    await open.close();
  },
});
