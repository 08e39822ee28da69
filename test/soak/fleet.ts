import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type Major } from '../servers/postgres.ts';
import { AppProcess, type Memory } from './app-process.ts';
import { natsServer, redisServer, type BrokerServer } from './brokers.ts';
import type { Line } from './client-judge.ts';
import { act, clientNumber, connections, quiet } from './crowd.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Faults } from './faults.ts';
import { FleetFaults, type FleetNode } from './fleet-faults.ts';
import { fleetPlan, type FleetStep } from './fleet-plan.ts';
import { Judge } from './judge.ts';
import { Oracle } from './oracle.ts';
import type { Step } from './plan.ts';
import { Pulse } from './pulse.ts';
import { Random } from './random.ts';
import { ShippedClient } from './shipped-client.ts';
import type { SoakClient } from './soak-client.ts';
import { ENOUGH, LOOK_MS, SETTINGS, STANDSTILL_MS } from './soak.ts';
import { TABLES } from './tables.ts';
import type { Violation } from './verdict.ts';
import { once, Writers } from './writers.ts';

/** What the servers share: nothing but the database, each with a slot of its own; or a broker. */
export type Shared = 'slots' | 'redis' | 'nats' | 'siblings';

export interface FleetOptions {
  readonly shared: Shared;
  readonly changes: number;
  readonly reconnects: number;
  readonly kills: number;
  readonly freezes: number;
  readonly cuts: number;
  readonly seed: number;
  readonly nodes?: number;
  readonly major?: Major;
  readonly clients?: number;
  /** Row changes per second, about. */
  readonly pace?: number;
  /** Quiet moments in between, at which everything must have arrived. */
  readonly rounds?: number;
  readonly only?: FleetStep | Step;
  say(line: string): void;
  /** Every text of every client, for whoever looks into a violation. */
  readonly record?: (client: string, line: Line) => void;
}

export interface FleetOutcome {
  readonly violations: readonly Violation[];
  readonly changes: number;
  readonly commits: number;
  readonly frames: number;
  readonly reconnects: number;
  readonly writes: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly steps: ReadonlyMap<FleetStep | Step, number>;
  /** Of each server. */
  readonly memory: readonly (readonly Memory[])[];
  /** The last that each server said for itself. */
  readonly logs: readonly (readonly string[])[];
}

/** Several servers behind one door, which sends each connection to any of them: the soak of one server, and what can only happen to several. */
export async function fleetSoak(options: FleetOptions): Promise<FleetOutcome> {
  const { shared, changes, seed, major = 18, only, say } = options;
  const random = new Random(seed);
  await using database = await startPostgres({ major, settings: SETTINGS });
  const url = await database.createDatabase('soak');
  await once(url, (client) => client.query(TABLES));
  const oracle = new Oracle(url);
  await oracle.start();
  const folder = await mkdtemp(join(tmpdir(), 'soak-fleet-'));
  await using left = new AsyncDisposableStack();
  left.defer(() => rm(folder, { recursive: true, force: true }));
  const broker = shared === 'redis' ? await redisServer() : shared === 'nats' ? await natsServer() : null;
  if (broker) left.use(broker);
  const nodes: FleetNode[] = [];
  for (let n = 0; n < (options.nodes ?? 3); n++) nodes.push(await node(n, { shared, url, broker, folder, left }));
  for (const each of nodes) each.port = await each.app.start();
  const doors = random.branch();
  await using toNodes = await FaultProxy.before(() => {
    const up = nodes.flatMap(({ port }) => port ?? []);
    return { port: up.length > 0 ? doors.pick(up) : 1 };
  });

  const clients: SoakClient[] = [];
  const [first] = nodes as [FleetNode];
  const faults = new Faults({
    app: first.app,
    database,
    url,
    toApp: toNodes,
    toDatabase: first.toDatabase,
    clients,
    random: random.branch(),
    say,
  });
  const fleet = new FleetFaults({ nodes, database, broker, faults, random: random.branch(), say });
  for (const { app } of nodes) app.heldUp = (about) => faults.serverHeldUp(about);
  using _pulse = new Pulse((about) => faults.clientsHeldUp(about));
  const judge = new Judge(oracle.history, faults.injected);
  for (let n = 0; n < (options.clients ?? 18); n++)
    clients.push(clientNumber(n, { judge, record: options.record, url: `ws://127.0.0.1:${toNodes.port}/live/`, random: random.branch() }));
  const planned = fleetPlan({ ...options, random: random.branch(), broker: shared !== 'slots', linked: broker !== null }).filter(
    ({ step }) => only === undefined || step === only,
  );
  const writers = new Writers({ url, count: 6, random: random.branch(), prepare: true, pace: options.pace ?? 500 });
  const acting = random.branch();
  const logs = (): string => nodes.map(({ app }, n) => `server ${n}:\n${app.log.slice(-20).join('\n')}`).join('\n');

  for (const client of clients) client.wake();
  const rounds = options.rounds ?? 2;
  let said = 0;
  try {
    for (let round = 1; round <= rounds && judge.violations.length < ENOUGH; round++) {
      const goal = Math.floor((changes * round) / rounds);
      writers.start();
      for (let moved = performance.now(); ;) {
        if (((await oracle.read()) ?? 0) > 0) moved = performance.now();
        if (performance.now() - moved > STANDSTILL_MS) throw new Error(`nothing is written any more:\n${logs()}`);
        while ((planned[0]?.after ?? Infinity) <= oracle.history.changes) fleet.take((planned.shift() as { step: Step }).step);
        if (oracle.history.changes >= goal) break;
        if (acting.chance(0.7)) act(acting.pick(clients), acting);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      await writers.stop();
      await fleet.over();
      const heard = (): number => Math.min(...nodes.map(({ app }) => app.heard));
      for (const about of await quiet({ heard, oracle, judge, clients })) judge.violations.push({ kind: 'stuck', who: 'all', about });
      judge.settleWrites();
      for (const about of await oracle.differences()) judge.violations.push({ kind: 'wrong', who: 'the oracle', about });
      for (const { kind, who, about } of judge.violations.slice(said, said + 10)) say(`${kind.toUpperCase()} ${who}: ${about}`);
      said = judge.violations.length;
      const rss = nodes.map(({ app }) => Math.round((app.memory.at(-1)?.rss ?? 0) / 2 ** 20)).join(', ');
      say(
        `${shared}, round ${round}/${rounds}: ${oracle.history.changes} changes in ${oracle.history.commits.length} commits, ${judge.frames} frames, ` +
          `${connections(clients)} connections, ${judge.answers} writes answered, RSS ${rss} MiB, ${judge.violations.length} violations`,
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
    steps: new Map([...fleet.done]),
    memory: nodes.map(({ app }) => app.memory),
    logs: nodes.map(({ app }) => app.log),
  };
}

interface Placing {
  readonly shared: Shared;
  readonly url: string;
  readonly broker: BrokerServer | null;
  readonly folder: string;
  readonly left: AsyncDisposableStack;
}

/** A server, not started, with links of its own to the database and to the broker. */
async function node(n: number, { shared, url, broker, folder, left }: Placing): Promise<FleetNode> {
  const toDatabase = left.use(await FaultProxy.before({ port: Number(new URL(url).port) }));
  const toBroker = broker && left.use(await FaultProxy.before({ port: broker.port }));
  const proxied = new URL(url);
  proxied.port = String(toDatabase.port);
  const address = shared === 'siblings' ? join(folder, 'siblings.sock') : `${shared}://127.0.0.1:${toBroker?.port ?? 0}`;
  const app = left.use(
    new AppProcess(proxied.href, {
      slot: shared === 'slots' ? `soak_${n}` : 'soak',
      broker: shared === 'slots' ? null : { kind: shared, address },
    }),
  );
  return { app, toDatabase, toBroker, port: null };
}
