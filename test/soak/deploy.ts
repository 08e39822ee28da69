import pg from 'pg';
import { startPostgres } from '../servers/postgres.ts';
import { Balancer } from './balancer.ts';
import { redisServer } from './brokers.ts';
import { DeployClient } from './deploy-client.ts';
import { FIELDS, TABLES } from './deploy-node.ts';
import { DeployProcess } from './deploy-process.ts';

export interface DeployOptions {
  /** What the nodes share: nothing but the database, or a broker. */
  readonly shared: 'slots' | 'redis';
  /** What is deployed, one after another; the first is what runs at the beginning. */
  readonly versions: readonly number[];
  readonly nodes: number;
  readonly clients: number;
  /** Commits per second. */
  readonly pace: number;
  /** Over how long the clients of a node that goes are sent away. */
  readonly drainMs: number;
  say(line: string): void;
}

/** What one deploy was to those who were there. */
export interface Deployed {
  readonly version: number;
  /** New connections of each who views only what stays as it is, and of those who view what is another, too. */
  readonly unchanged: readonly number[];
  readonly changed: readonly number[];
  /** Tries to connect that came to nothing. */
  readonly refused: number;
  /** Readings, by any node, of the rows of what stays as it is, and of what is another. */
  readonly readings: { readonly steady: number; readonly shifting: number };
  readonly written: number;
  readonly ms: number;
}

export interface DeployOutcome {
  /** Readings that the first rows of all took. */
  readonly loading: number;
  readonly deploys: readonly Deployed[];
  readonly violations: readonly string[];
  readonly resets: readonly string[];
  readonly logs: readonly string[];
}

/** Rows of `steady` that are kept: who is away for less misses none of those in between. */
const KEPT = 200;
/** How long everybody may take to have everything, once a deploy is over, ms. */
const PATIENCE = 60_000;
/** A client that could not have what is there is asked again after so long, ms. */
const LOOK = 50;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Several nodes behind one door, replaced one by one under load, again and again. */
export async function rollingDeploys({
  shared,
  versions,
  nodes,
  clients: count,
  pace,
  drainMs,
  say,
}: DeployOptions): Promise<DeployOutcome> {
  const statements = new Statements();
  await using database = await startPostgres({
    settings: { log_statement: 'all', log_line_prefix: '%a|', max_slot_wal_keep_size: '1GB' },
    logged: (line) => statements.hear(line),
  });
  const url = await database.createDatabase('deployed');
  await using broker = shared === 'redis' ? await redisServer() : null;
  await using left = new AsyncDisposableStack();
  const app = new pg.Client({ connectionString: url, application_name: 'the app' });
  await app.connect();
  left.defer(() => app.end());
  await app.query(TABLES);
  const balancer = left.use(await Balancer.open());
  const logs: string[] = [];
  const start = async (version: number): Promise<DeployProcess> => {
    const redis = broker && `redis://127.0.0.1:${broker.port}`;
    const node = left.use(await DeployProcess.start({ url, redis, version, host: '127.0.0.1' }));
    balancer.add(node.port);
    return node;
  };
  const [first = 0, ...later] = versions;
  const running: DeployProcess[] = [];
  for (let n = 0; n < nodes; n++) running.push(await start(first));

  const clients = Array.from({ length: count }, (_, n) => new DeployClient(`ws://127.0.0.1:${balancer.port}/live/`, n % 3 === 0));
  left.defer(() => {
    for (const client of clients) client.close();
  });
  const writer = new Writer(app, pace);
  const looking = new AbortController();
  left.defer(() => looking.abort());
  void keepLooking(running, balancer, looking.signal);
  const all = async (version: number): Promise<void> => {
    await writer.pause();
    const fields = [...(FIELDS[version] ?? [])].sort().join();
    const has = (client: DeployClient): boolean =>
      client.isLive &&
      client.last === writer.written &&
      (!client.shifts ||
        (client.fields.length === 3 && client.fields.every((own) => own === fields) && client.shifted.includes(writer.shifted)));
    const since = performance.now();
    while (!clients.every(has)) {
      if (performance.now() - since > PATIENCE) {
        const without = clients.filter((client) => !has(client));
        const health = await Promise.all(running.map((node) => node.report()));
        throw new Error(
          `${without.length} clients do not have what is there at ${writer.written}: ${without
            .slice(0, 3)
            .map(({ status }) => status)
            .join('; ')}\n` + `${JSON.stringify(health)}\n${logs.slice(-20).join('\n')}`,
        );
      }
      await wait(LOOK);
    }
  };

  await all(first);
  await statements.untilNow(app);
  const loading = statements.of('steady');
  const deploys: Deployed[] = [];
  const violations: string[] = [];
  for (const version of later) {
    const began = performance.now();
    const [before, tries] = [clients.map(({ connections }) => connections), clients.map((client) => client.tries)];
    const [steady, shifting, written] = [statements.of('steady'), statements.of('shifting'), writer.written];
    writer.go();
    for (const [at, old] of [...running.entries()]) {
      running[at] = await start(version);
      balancer.remove(old.port);
      await old.goDown(drainMs);
      logs.push(...old.log);
    }
    await all(version);
    await statements.untilNow(app);
    const more = clients.map(({ connections, shifts }, n) => ({ shifts, more: connections - (before[n] as number) }));
    const tried = clients.reduce((sum, client, n) => sum + client.tries - (tries[n] as number), 0);
    const deployed: Deployed = {
      version,
      unchanged: more.flatMap(({ shifts, more: own }) => (shifts ? [] : own)),
      changed: more.flatMap(({ shifts, more: own }) => (shifts ? own : [])),
      refused: tried - more.reduce((sum, { more: own }) => sum + own, 0),
      readings: { steady: statements.of('steady') - steady, shifting: statements.of('shifting') - shifting },
      written: writer.written - written,
      ms: Math.round(performance.now() - began),
    };
    deploys.push(deployed);
    say(`${shared}, deploy ${deploys.length} of version ${version}: ${told(deployed)}`);
  }
  const { rows } = await app.query<{ id: number }>('SELECT id FROM steady ORDER BY id');
  const ids = rows.map(({ id }) => id).join();
  for (const [n, client] of clients.entries()) {
    violations.push(...client.violations.map((about) => `client ${n}: ${about}`));
    if (client.ids.toSorted((one, other) => one - other).join() !== ids) violations.push(`client ${n} shows other rows than there are`);
  }
  const resets = clients.flatMap((client) => client.resets);
  return { loading, deploys, violations, resets, logs: [...logs, ...running.flatMap(({ log }) => log)] };
}

/** Tells the balancer who is ready, as probes would. */
async function keepLooking(running: readonly DeployProcess[], balancer: Balancer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const reports = await Promise.all(
      running.map(
        async (node) =>
          [
            node.port,
            await node.report().then(
              ({ ready }) => ready,
              () => false,
            ),
          ] as const,
      ),
    );
    balancer.unready(new Set(reports.flatMap(([port, ready]) => (ready ? [] : [port]))));
    await wait(LOOK);
  }
}

/** How many clients were connected anew how often: `0:3 1:5`. */
export function timesOf(connections: readonly number[]): string {
  const times = new Map<number, number>();
  for (const each of connections) times.set(each, (times.get(each) ?? 0) + 1);
  return [...times]
    .toSorted(([one], [other]) => one - other)
    .map(([each, clients]) => `${each}:${clients}`)
    .join(' ');
}

function told({ unchanged, changed, refused, readings, written, ms }: Deployed): string {
  return (
    `${written} commits in ${ms} ms; times connected anew, by how many: ${timesOf(unchanged)} (with the changed stream: ${timesOf(changed)}), ` +
    `${refused} refused; readings of rows: ${readings.steady} unchanged, ${readings.shifting} changed`
  );
}

/** The statements that Rowcast sends, as the server logs them. */
class Statements {
  readonly #of = { steady: 0, shifting: 0 };
  #marks = 0;
  #wake: (mark: string) => void = () => undefined;

  hear(line: string): void {
    if (line.includes("'mark ")) this.#wake(line);
    if (!line.startsWith('rowcast|') || !/LOG: {2}(?:statement|execute [^:]*):/.test(line)) return;
    for (const table of ['steady', 'shifting'] as const) if (new RegExp(`\\bFROM\\b.*"${table}"`, 'i').test(line)) this.#of[table]++;
  }

  of(table: 'steady' | 'shifting'): number {
    return this.#of[table];
  }

  /** Everything that was sent before has been heard of. */
  async untilNow(app: pg.Client): Promise<void> {
    const mark = `'mark ${++this.#marks}'`;
    const heard = new Promise<void>((resolve) => (this.#wake = (line) => line.includes(mark) && resolve()));
    await app.query(`SELECT ${mark}`);
    await heard;
  }
}

/** Makes rows of `steady` one after another, and changes one of `shifting` now and then. */
class Writer {
  written = 0;
  shifted = 0;
  readonly #app: pg.Client;
  readonly #pause: number;
  #running: Promise<void> | null = null;
  #goes = false;

  constructor(app: pg.Client, pace: number) {
    this.#app = app;
    this.#pause = 1_000 / pace;
  }

  go(): void {
    this.#goes = true;
    this.#running ??= this.#run();
  }

  /** Nothing more is written, and at least one of each was. */
  async pause(): Promise<void> {
    this.#goes = false;
    await this.#running;
    this.#running = null;
    await this.#row();
    await this.#shift();
  }

  async #run(): Promise<void> {
    while (this.#goes) {
      await this.#row();
      if (this.written % 5 === 0) await this.#shift();
      await wait(this.#pause);
    }
  }

  async #row(): Promise<void> {
    const id = this.written + 1;
    await this.#app.query(`WITH old AS (DELETE FROM steady WHERE id <= $1 - ${KEPT}) INSERT INTO steady (id, sent) VALUES ($1, now())`, [
      id,
    ]);
    this.written = id;
  }

  async #shift(): Promise<void> {
    const n = this.shifted + 1;
    await this.#app.query('UPDATE shifting SET n = $1 WHERE id = $1 % 3 + 1', [n]);
    this.shifted = n;
  }
}
