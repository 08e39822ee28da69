import { mkdtemp, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../servers/postgres.ts';
import { until } from '../support/fleet.ts';
import { redisServer } from './brokers.ts';
import { DeployClient } from './deploy-client.ts';
import { TABLES, type DeployReport } from './deploy-node.ts';
import { DeployProcess } from './deploy-process.ts';
import { hostless, Host, type Cable } from './hosts.ts';

// Two gateways on hosts of their own, as the network tells it; the database, the broker and the clients are on a third.

const reason = await hostless();
if (reason !== null) console.log(`gateways on hosts of their own: skipped, ${reason}`);
// A machine that is installed for these tests has the command, whatever it may do with it.
if (reason?.includes('apt-get') && process.env['CI'] === 'true') throw new Error(reason);

interface Gateway {
  readonly host: Host;
  readonly node: DeployProcess;
  readonly client: DeployClient;
}

interface Scene extends AsyncDisposable {
  /** The first leads, where one does. */
  readonly gateways: readonly [Gateway, Gateway];
  /** Rows written so far. */
  readonly written: number;
  write(rows: number): Promise<void>;
  whole(gateway: Gateway): Promise<void>;
}

/** `shared`: what the two share beside the database. */
async function scene(shared: 'redis' | 'slots'): Promise<Scene> {
  await using left = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-hosts-'));
  left.defer(() => rm(folder, { recursive: true, force: true }));
  const hosts = [left.use(await Host.make()), left.use(await Host.make())] as const;
  const access = join(folder, 'access.conf');
  await writeFile(
    access,
    ['127.0.0.1', ...hosts.map((host) => host.here('database'))].map((at) => `host all all ${at}/30 trust\n`).join(''),
  );
  // Postgres runs as somebody else.
  await chmod(folder, 0o755);
  const listen = ['127.0.0.1', ...hosts.map((host) => host.here('database'))].join();
  const database = left.use(
    await startPostgres({ settings: { listen_addresses: listen, hba_file: access, max_slot_wal_keep_size: '1GB' } }),
  );
  const url = new URL(await database.createDatabase('hosts'));
  const app = new pg.Client({ connectionString: url.href, application_name: 'the app' });
  await app.connect();
  left.defer(() => app.end());
  await app.query(TABLES);
  const broker = shared === 'redis' ? left.use(await redisServer(hosts.map((host) => host.here('broker')))) : null;
  const start = async (host: Host): Promise<Gateway> => {
    const own = new URL(url);
    own.hostname = host.here('database');
    const redis = broker && `redis://${host.here('broker')}:${broker.port}`;
    const node = left.use(await DeployProcess.start({ url: own.href, redis, version: 0, host: '0.0.0.0' }, host.within));
    const client = new DeployClient(`ws://${host.address}:${node.port}/live/`, false);
    left.defer(() => client.close());
    return { host, node, client };
  };
  const gateways = [await start(hosts[0]), await start(hosts[1])] as const;
  const all = left.move();
  let written = 0;
  return {
    gateways,
    get written() {
      return written;
    },
    async write(rows) {
      for (let row = 0; row < rows; row++) await app.query('INSERT INTO steady (id, sent) VALUES ($1, now())', [++written]);
    },
    whole: ({ client }) => until(() => client.last === written && client.standing === 'live'),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const reported = (gateway: Gateway, is: (report: DeployReport) => boolean): Promise<void> =>
  until(async () => is(await gateway.node.report()));

/** Without a break or a repetition, on the connection that it had, and without a row read again. */
function toldOnce({ client, node }: Gateway): void {
  expect([client.violations, client.resets, client.connections], node.log.slice(-30).join('\n')).toEqual([[], [], 1]);
}

const CUTS: readonly (readonly [shared: 'redis' | 'slots', cables: readonly Cable[]])[] = [
  ['redis', ['broker']],
  ['redis', ['broker', 'database']],
  ['slots', ['database']],
];

test.skipIf(reason !== null).each(CUTS)(
  'with %s, a gateway whose host is cut off from its %j says so to its clients and takes no more; healed, it catches up, and nothing is lost',
  { timeout: 180_000 },
  async (shared, cables) => {
    await using stage = await scene(shared);
    const [near, far] = stage.gateways;
    await stage.write(10);
    for (const each of [near, far]) await stage.whole(each);
    for (const cable of cables) await far.host.pull(cable);
    await stage.write(10);
    await stage.whole(near);
    await until(() => far.client.standing === 'stale');
    expect(far.client.last).toBe(10);
    await reported(far, ({ ready, staleMs }) => !ready && staleMs > 0);
    await stage.write(10);
    await stage.whole(near);
    for (const cable of cables) await far.host.plug(cable);
    await stage.whole(far);
    await reported(far, ({ ready, staleMs }) => ready && staleMs === 0);
    await stage.write(10);
    for (const each of [near, far]) await stage.whole(each);
    toldOnce(near);
    if (shared === 'redis') toldOnce(far);
    // Its slot was a copy that went with its connection; the one that it was copied from may have been confirmed further since.
    else expect([far.client.violations, far.client.resets.filter((reason) => reason !== 'retention')]).toEqual([[], []]);
    expect(stage.written).toBe(40);
  },
);

test.skipIf(reason !== null)(
  'with redis, a leader whose host is cut off from the database is followed by another, and goes on telling what that one reads',
  { timeout: 180_000 },
  async () => {
    await using stage = await scene('redis');
    const [first, second] = stage.gateways;
    await stage.write(10);
    for (const each of [first, second]) await stage.whole(each);
    await reported(first, ({ leads }) => leads);
    await first.host.pull('database');
    await stage.write(10);
    await reported(second, ({ leads }) => leads);
    for (const each of [first, second]) await stage.whole(each);
    await reported(first, ({ leads, staleMs }) => !leads && staleMs === 0);
    await first.host.plug('database');
    await stage.write(10);
    for (const each of [first, second]) await stage.whole(each);
    for (const each of [first, second]) toldOnce(each);
    expect((await Promise.all([first, second].map(({ node }) => node.report()))).filter(({ leads }) => leads)).toHaveLength(1);
  },
);
