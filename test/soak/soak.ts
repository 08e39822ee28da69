import { startPostgres, type Major } from '../servers/postgres.ts';
import type { Line } from './client-judge.ts';
import { AppProcess, type Memory } from './app-process.ts';
import { act, clientNumber, connections, quiet } from './crowd.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Faults } from './faults.ts';
import { Judge } from './judge.ts';
import { Oracle } from './oracle.ts';
import { plan, type Step } from './plan.ts';
import { Random } from './random.ts';
import { Pulse, type HeldUp } from './pulse.ts';
import { TABLES } from './tables.ts';
import type { Violation } from './verdict.ts';
import { ShippedClient } from './shipped-client.ts';
import type { SoakClient } from './soak-client.ts';
import { once, Writers } from './writers.ts';

export interface SoakOptions {
  readonly changes: number;
  readonly reconnects: number;
  readonly kills: number;
  readonly seed: number;
  readonly major?: Major;
  readonly clients?: number;
  readonly writers?: number;
  /** Row changes per second, about. */
  readonly pace?: number;
  /** Quiet moments in between, at which everything must have arrived. */
  readonly rounds?: number;
  /** Of all that is planned this alone, for whoever looks into one fault. */
  readonly only?: Step;
  say(line: string): void;
  /** Every text of every client, for whoever looks into a violation. */
  readonly record?: (client: string, line: Line) => void;
}

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly changes: number;
  readonly commits: number;
  readonly frames: number;
  readonly reconnects: number;
  readonly writes: number;
  /** What came, of what is not everyday. */
  readonly counts: ReadonlyMap<string, number>;
  readonly steps: ReadonlyMap<Step, number>;
  readonly memory: readonly Memory[];
  /** Where the server, or the clients and the judge, got no turn for a second and more. */
  readonly heldUp: Readonly<Record<'server' | 'clients', readonly HeldUp[]>>;
  /** The last that the server said for itself. */
  readonly log: readonly string[];
}

export const SETTINGS = {
  max_slot_wal_keep_size: '2GB',
  max_prepared_transactions: 20,
  wal_sender_timeout: '5s',
  checkpoint_timeout: '30s',
  // Commits that are in the log and cannot be seen yet, as on a disk that takes its time: microseconds, wherever another writes as well.
  fsync: 'on',
  commit_delay: 5_000,
  commit_siblings: 1,
};
export const LOOK_MS = 25;
/** Whatever is broken, somebody writes again by then. */
export const STANDSTILL_MS = 90_000;
/** Violations after which there is no point in going on. */
export const ENOUGH = 50;

/** Runs it all: a Postgres, the app, clients, writers and what breaks them, and the judge. The seed decides what is done, not what comes of it. */
export async function soak(options: SoakOptions): Promise<Outcome> {
  const { changes, reconnects, kills, seed, major = 18, only, say } = options;
  const random = new Random(seed);
  await using database = await startPostgres({ major, settings: SETTINGS });
  const url = await database.createDatabase('soak');
  await once(url, (client) => client.query(TABLES));
  const oracle = new Oracle(url);
  await oracle.start();
  await using toDatabase = await FaultProxy.before({ port: Number(new URL(url).port) });
  const proxied = new URL(url);
  proxied.port = String(toDatabase.port);
  await using app = new AppProcess(proxied.href);
  await using toApp = await FaultProxy.before({ port: await app.start() });

  const clients: SoakClient[] = [];
  const ground = { app, database, url, toApp, toDatabase, clients, random: random.branch(), say };
  const faults = new Faults(ground);
  const heldUp = { server: [] as HeldUp[], clients: [] as HeldUp[] };
  app.heldUp = (about) => {
    heldUp.server.push(about);
    faults.serverHeldUp(about);
  };
  using _pulse = new Pulse((about) => {
    heldUp.clients.push(about);
    faults.clientsHeldUp(about);
  });
  const judge = new Judge(oracle.history, faults.injected);
  for (let n = 0; n < (options.clients ?? 24); n++)
    clients.push(clientNumber(n, { judge, record: options.record, url: `ws://127.0.0.1:${toApp.port}/live/`, random: random.branch() }));
  const planned = plan({ changes, reconnects, kills, random: random.branch() }).filter(({ step }) => only === undefined || step === only);
  const writers = new Writers({ url, count: options.writers ?? 6, random: random.branch(), prepare: true, pace: options.pace ?? 600 });
  const acting = random.branch();

  for (const client of clients) client.wake();
  const rounds = options.rounds ?? 4;
  let said = 0;
  try {
    for (let round = 1; round <= rounds && judge.violations.length < ENOUGH; round++) {
      const goal = Math.floor((changes * round) / rounds);
      writers.start();
      for (let moved = performance.now(); ;) {
        if (((await oracle.read()) ?? 0) > 0) moved = performance.now();
        if (performance.now() - moved > STANDSTILL_MS) throw new Error(`nothing is written any more:\n${app.log.slice(-40).join('\n')}`);
        while ((planned[0]?.after ?? Infinity) <= oracle.history.changes) faults.take((planned.shift() as { step: Step }).step);
        if (oracle.history.changes >= goal) break;
        if (acting.chance(0.7)) act(acting.pick(clients), acting);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      await writers.stop();
      await faults.over();
      const missing = await quiet({ heard: () => app.heard, oracle, judge, clients });
      for (const about of missing) judge.violations.push({ kind: 'stuck', who: 'all', about });
      judge.settleWrites();
      for (const about of await oracle.differences()) judge.violations.push({ kind: 'wrong', who: 'the oracle', about });
      for (const { kind, who, about } of judge.violations.slice(said, said + 10)) say(`${kind.toUpperCase()} ${who}: ${about}`);
      said = judge.violations.length;
      const memory = app.memory.at(-1);
      say(
        `round ${round}/${rounds}: ${oracle.history.changes} changes in ${oracle.history.commits.length} commits, ${judge.frames} frames, ` +
          `${connections(clients)} connections, ${judge.answers} writes answered, ${app.lives} starts, ` +
          `RSS ${Math.round((memory?.rss ?? 0) / 2 ** 20)} MiB, ${judge.violations.length} violations`,
      );
    }
  } finally {
    for (const client of clients) {
      client.sleep();
      if (client instanceof ShippedClient) client.close();
    }
    await writers.stop().catch(() => undefined);
    oracle.close();
  }
  return {
    violations: judge.violations,
    changes: oracle.history.changes,
    commits: oracle.history.commits.length,
    frames: judge.frames,
    reconnects: connections(clients) - clients.length,
    writes: judge.answers,
    counts: judge.counts,
    steps: faults.done,
    memory: app.memory,
    heldUp,
    log: app.log,
  };
}
