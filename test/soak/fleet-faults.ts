import type { PostgresServer } from '../servers/postgres.ts';
import type { AppProcess } from './app-process.ts';
import type { BrokerServer } from './brokers.ts';
import type { FaultProxy, Link } from './fault-proxy.ts';
import type { Faults } from './faults.ts';
import type { FleetStep } from './fleet-plan.ts';
import type { Step } from './plan.ts';
import type { Random } from './random.ts';
import type { Injected } from './verdict.ts';

/** One of the servers, and its own links to what it needs. */
export interface FleetNode {
  readonly app: AppProcess;
  readonly toDatabase: FaultProxy;
  readonly toBroker: FaultProxy | null;
  /** Where it listens; null: it is down. */
  port: number | null;
}

export interface FleetGround {
  readonly nodes: readonly FleetNode[];
  readonly database: PostgresServer;
  /** Null: the servers share the database alone, or one of them is the broker. */
  readonly broker: BrokerServer | null;
  /** What is done to clients, and the app's own work. */
  readonly faults: Faults;
  readonly random: Random;
  say(line: string): void;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Carries out what was planned for several servers; what is no matter of several it hands on. */
export class FleetFaults {
  readonly done = new Map<FleetStep | Step, number>();
  readonly #ground: FleetGround;
  /** Processes are taken down one at a time, and links beside that. */
  #processes: Promise<void> = Promise.resolve();
  readonly #running = new Set<Promise<void>>();

  constructor(ground: FleetGround) {
    this.#ground = ground;
  }

  take(step: FleetStep | Step): void {
    this.done.set(step, (this.done.get(step) ?? 0) + 1);
    const carried = this.#carryOut(step);
    if (!carried) return;
    const running = carried.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** All that was begun has ended, and nothing is broken any more. */
  async over(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    for (const { toDatabase, toBroker } of this.#ground.nodes) {
      toDatabase.heal();
      toBroker?.heal();
    }
    await this.#ground.faults.over();
  }

  #carryOut(step: FleetStep | Step): Promise<void> | null {
    const { random, nodes, faults, broker } = this.#ground;
    const ms = random.between(300, 5_000);
    switch (step) {
      case 'kill node':
        return this.#alone(() => this.#kill(random.pick(nodes), 'server killed'));
      case 'kill leader':
        return this.#alone(() => this.#kill(this.#leader(), 'server killed'));
      case 'kill broker':
        if (!broker) return this.#alone(() => this.#kill(this.#keeper(), 'broker lost'));
        return this.#alone(() => this.#during('broker lost', () => broker.crash(random.below(3_000))));
      case 'fail over broker':
        if (!broker) return this.#alone(() => this.#kill(this.#keeper(), 'broker lost'));
        return this.#alone(() => this.#during('broker lost', () => broker.failOver()));
      case 'crash database':
        return this.#alone(() =>
          this.#during('database crashed', async () => {
            await this.#ground.database.stop('immediate');
            await wait(random.below(1_500));
            await this.#ground.database.start();
          }),
        );
      case 'freeze leader':
        return this.#alone(() => this.#freeze(this.#leader(), random.between(9_000, 12_000)));
      case 'freeze node':
        return this.#alone(() => this.#freeze(random.pick(nodes), random.between(500, 12_000)));
      case 'cut broker':
        return this.#onLinks('toBroker', 0, (link) => link.cut(random.chance(0.5) ? 'rst' : 'fin'));
      case 'half-open broker':
        return this.#onLinks('toBroker', 2 * ms, (link) => link.swallow(random.pick(['up', 'down', 'both'])));
      case 'cut database':
        return this.#onLinks('toDatabase', 0, (link) => link.cut(random.chance(0.5) ? 'rst' : 'fin'));
      case 'half-open database':
        return this.#onLinks('toDatabase', ms, (link) => link.swallow(random.pick(['up', 'down', 'both'])));
      default:
        faults.take(step);
        return null;
    }
  }

  #leader(): FleetNode {
    return this.#ground.nodes.find(({ app }) => app.leads) ?? this.#ground.random.pick(this.#ground.nodes);
  }

  /** Who keeps the ledger of its siblings. */
  #keeper(): FleetNode {
    return this.#ground.nodes.find(({ app }) => app.keeps) ?? this.#ground.random.pick(this.#ground.nodes);
  }

  #kill(node: FleetNode, what: Injected['what']): Promise<void> {
    return this.#during(what, async () => {
      const was = node.app.leads ? ', who led' : node.app.keeps ? ', who kept the ledger' : '';
      this.#ground.say(`killed server ${this.#ground.nodes.indexOf(node)}${was}`);
      await node.app.kill();
      node.port = null;
      await wait(this.#ground.random.below(1_500));
      node.port = await node.app.start();
    });
  }

  #freeze(node: FleetNode, ms: number): Promise<void> {
    return this.#during('server stopped', async () => {
      this.#ground.say(`froze server ${this.#ground.nodes.indexOf(node)}${node.app.leads ? ', who led,' : ''} for ${ms} ms`);
      node.app.stop();
      await wait(ms);
      node.app.go();
    });
  }

  #alone(act: () => Promise<void>): Promise<void> {
    return (this.#processes = this.#processes.then(act));
  }

  #onLinks(to: 'toDatabase' | 'toBroker', ms: number, spoil: (link: Link) => void): Promise<void> {
    const { nodes, random } = this.#ground;
    return this.#during(to === 'toBroker' ? 'broker link' : 'database link', async () => {
      const links = random.pick(nodes)[to]?.links.filter(() => random.chance(0.8)) ?? [];
      for (const link of links) spoil(link);
      await wait(ms);
      for (const link of links) link.heal();
    });
  }

  async #during(what: Injected['what'], act: () => Promise<void>): Promise<void> {
    const fault: Injected = { what, who: null, from: performance.now(), until: null };
    this.#ground.faults.injected.push(fault);
    await act();
    fault.until = performance.now();
  }
}
