import type { PostgresServer } from '../servers/postgres.ts';
import type { AppProcess } from './app-process.ts';
import type { FaultProxy, Link } from './fault-proxy.ts';
import type { Step } from './plan.ts';
import { starved, type HeldUp } from './pulse.ts';
import type { Random } from './random.ts';
import type { SoakClient } from './soak-client.ts';
import type { Injected } from './verdict.ts';
import { isMistake, once } from './writers.ts';

export interface Ground {
  readonly app: AppProcess;
  readonly database: PostgresServer;
  /** Of the app's own database, on no link that anything is done to. */
  readonly url: string;
  readonly toApp: FaultProxy;
  readonly toDatabase: FaultProxy;
  readonly clients: readonly SoakClient[];
  readonly random: Random;
  say(line: string): void;
}

/** Every task at once: about 2 MB. */
const WIDE = `UPDATE task SET body = '~v' || id || 'x' || floor(random() * 1e9)::text || '~' || repeat('y', 12000) WHERE org IS NOT NULL`;

/** For work that met with something. */
const TRIES = 40;
const AGAIN_MS = 250;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Carries out what was planned, and remembers what was done to whom, and when. */
export class Faults {
  readonly injected: Injected[] = [];
  readonly done = new Map<Step, number>();
  readonly #ground: Ground;
  /** Processes are taken down one at a time. */
  #processes: Promise<void> = Promise.resolve();
  readonly #running = new Set<Promise<void>>();
  #columns = 0;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** Begins it; what it takes to end it follows by itself. */
  take(step: Step): void {
    this.done.set(step, (this.done.get(step) ?? 0) + 1);
    const running = this.#carryOut(step).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** The machine let nobody run: no client here heard anything, whatever the server did. */
  clientsHeldUp({ from, until }: HeldUp): void {
    this.injected.push({ what: 'clients starved', who: null, from, until });
  }

  /** What the server was busy with itself excuses nothing. */
  serverHeldUp(heldUp: HeldUp): void {
    if (starved(heldUp)) this.injected.push({ what: 'server starved', who: null, from: heldUp.from, until: heldUp.until });
  }

  /** All that was begun has ended, and nothing is broken any more. */
  async over(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#ground.toApp.heal();
    this.#ground.toDatabase.heal();
  }

  #carryOut(step: Step): Promise<void> {
    const { toApp, toDatabase, clients, random, app } = this.#ground;
    const client = random.pick(clients);
    const ms = random.between(300, 5_000);
    switch (step) {
      case 'kill server':
        return this.#alone(() => this.#kill(random.below(1_500)));
      case 'crash database':
        return this.#alone(() => this.#crash(random.below(1_500)));
      case 'lose slot':
        return this.#alone(() => this.#loseSlot(random.chance(0.5)));
      case 'stop server':
        return this.#alone(() =>
          this.#during('server stopped', null, async () => {
            app.stop();
            await wait(ms);
            app.go();
          }),
        );
      case 'cut database':
        return this.#onLinks(toDatabase, 0, (link) => link.cut(random.chance(0.5) ? 'rst' : 'fin'));
      case 'throttle database':
        return this.#onLinks(toDatabase, ms, (link) => link.down.throttle(random.between(5_000, 50_000)));
      case 'half-open database':
        return this.#onLinks(toDatabase, ms, (link) => link.swallow(random.pick(['up', 'down', 'both'])));
      case 'cut all clients':
        return this.#onLinks(toApp, 0, (link) => link.cut('rst'), 'client link');
      case 'refuse clients':
        return this.#during('client link', null, async () => {
          toApp.refusing = true;
          for (const link of toApp.links) if (random.chance(0.3)) link.cut('rst');
          await wait(ms);
          toApp.refusing = false;
        });
      case 'drop client':
        return this.#during('client left', client.name, async () => client.drop());
      case 'leave client':
        return this.#during('client left', client.name, async () => client.leave());
      case 'sleep client':
        return this.#during('client left', client.name, async () => {
          client.sleep();
          await wait(random.between(200, 12_000));
          client.wake();
        });
      case 'cut client':
        return this.#onClient(client, 'client link', (link) => link.cut(random.chance(0.5) ? 'rst' : 'fin'));
      case 'half-open client':
        return this.#onClient(
          client,
          'client link',
          (link) => link.swallow(random.pick(['up', 'down', 'both'])),
          () => wait(ms * 2),
        );
      case 'throttle client':
        return this.#onClient(
          client,
          'slow link',
          (link) => link.down.throttle(random.between(1_000, 30_000)),
          () => wait(ms * 2),
        );
      case 'stall client':
        return this.#onClient(
          client,
          'slow link',
          (link) => link.down.throttle(0),
          () => wait(ms * 2),
        );
      case 'flood client': {
        const flood = async (): Promise<void> => {
          for (let times = 0; times < 8; times++) await this.#sql(WIDE);
        };
        return this.#onClient(client, 'slow link', (link) => link.down.throttle(0), flood);
      }
      case 'delay client': {
        const late = (link: Link): void => {
          link.down.delay(random.between(20, 400));
          link.up.delay(random.between(20, 400));
        };
        return this.#onClient(client, 'slow link', late, () => wait(ms));
      }
      case 'forge token':
        return this.#during('forged token', client.name, async () => client.forge(random));
      case 'let go': {
        const again = client.unfollow(random);
        return wait(random.below(3_000)).then(() => again?.());
      }
      case 'add column':
        return this.#sql(
          `SET lock_timeout = '2s'; ALTER TABLE task ADD COLUMN IF NOT EXISTS added_${++this.#columns} integer DEFAULT ${this.#columns}`,
        );
      case 'bulk':
        return this.#sql(
          `INSERT INTO task (id, org, team, title) SELECT 1000 + n, 1, 1, '~b' || n || '~' FROM generate_series(1, 1100) AS n ON CONFLICT DO NOTHING`,
        ).then(() => this.#sql('DELETE FROM task WHERE id BETWEEN 1001 AND 2100'));
      case 'wide':
        return this.#sql(
          `UPDATE task SET body = '~v' || id || 'x' || floor(random() * 1e9)::text || '~' || repeat('y', 5000) WHERE org IS NOT NULL`,
        );
    }
  }

  /** While the server is down, its place in the log is dropped, or moved on: what was between cannot be told any more. */
  async #loseSlot(dropped: boolean): Promise<void> {
    const { app, toApp, url } = this.#ground;
    await this.#during('slot lost', null, async () => {
      await app.kill();
      await once(url, async (client) => {
        // The database has to notice first that nobody reads it.
        const lose = dropped ? `pg_drop_replication_slot('soak')` : `pg_replication_slot_advance('soak', pg_current_wal_lsn())`;
        for (let tries = 0; tries < 50; tries++) {
          const lost = await client.query(`SELECT ${lose} FROM pg_replication_slots WHERE slot_name = 'soak' AND NOT active`);
          if (lost.rowCount !== 0) return;
          await wait(100);
        }
      });
      toApp.target = { port: await app.start() };
    });
  }

  async #kill(downMs: number): Promise<void> {
    const { app, toApp } = this.#ground;
    await this.#during('server killed', null, async () => {
      await app.kill();
      await wait(downMs);
      toApp.target = { port: await app.start() };
    });
  }

  async #crash(downMs: number): Promise<void> {
    const { database } = this.#ground;
    await this.#during('database crashed', null, async () => {
      await database.stop('immediate');
      await wait(downMs);
      await database.start();
    });
  }

  #alone(act: () => Promise<void>): Promise<void> {
    return (this.#processes = this.#processes.then(act));
  }

  #onLinks(proxy: FaultProxy, ms: number, spoil: (link: Link) => void, what: Injected['what'] = 'database link'): Promise<void> {
    return this.#during(what, null, async () => {
      const links = proxy.links.filter(() => what === 'client link' || this.#ground.random.chance(0.7));
      for (const link of links) spoil(link);
      await wait(ms);
      for (const link of links) link.heal();
    });
  }

  #onClient(client: SoakClient, what: Injected['what'], spoil: (link: Link) => void, meanwhile?: () => Promise<void>): Promise<void> {
    return this.#during(what, client.name, async () => {
      const link = this.#ground.toApp.linkFrom(client.port ?? -1);
      if (!link) return;
      spoil(link);
      await meanwhile?.();
      link.heal();
    });
  }

  async #during(what: Injected['what'], who: string | null, act: () => Promise<void>): Promise<void> {
    const fault: Injected = { what, who, from: performance.now(), until: null };
    this.injected.push(fault);
    await act();
    fault.until = performance.now();
  }

  /** Work of the app's own: again, where it met with a deadlock or the database was away. It may be done twice. */
  async #sql(sql: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await once(this.#ground.url, (client) => client.query(sql));
        return;
      } catch (error) {
        if (isMistake(error)) throw error;
        if (tries === TRIES) return this.#ground.say(`left undone: ${String(error)}`);
        await wait(AGAIN_MS);
      }
    }
  }
}
