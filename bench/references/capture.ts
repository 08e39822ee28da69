import pg from 'pg';
import { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';
import postgres from 'postgres';

export type Follower = keyof typeof followers;

/** Each follows the table `hot` as its own documentation says, tells of rows as they come, and gives the way to stop. */
export const followers = {
  'pg-logical-replication': byPackage,
  'postgres.js': byPostgresJs,
};

/** The package most use for this: its pgoutput plugin, acknowledging by itself. */
async function byPackage(url: string, came: (rows: number) => void): Promise<() => Promise<void>> {
  await publish(url, "SELECT pg_create_logical_replication_slot('bench_package', 'pgoutput')");
  const service = new LogicalReplicationService({ connectionString: url }, { acknowledge: { auto: true, timeoutSeconds: 1 } });
  const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ['bench'] });
  let rows = 0;
  service.on('data', (_lsn: string, message: { tag: string }) => {
    if (message.tag === 'update') rows++;
    if (message.tag !== 'commit') return;
    came(rows);
    rows = 0;
  });
  const started = new Promise<void>((resolve, reject) => {
    service.on('start', resolve);
    service.on('error', reject);
  });
  service.subscribe(plugin, 'bench_package').catch(() => undefined);
  await started;
  return async () => void (await service.stop());
}

/** The driver's own subscription: it makes a slot for itself, and tells of no commit. */
async function byPostgresJs(url: string, came: (rows: number) => void): Promise<() => Promise<void>> {
  await publish(url);
  const sql = postgres(url, { publications: 'bench' });
  const { unsubscribe } = await sql.subscribe('update:public.hot', () => came(1));
  return async () => {
    unsubscribe();
    await sql.end({ timeout: 1 });
  };
}

async function publish(url: string, more = 'SELECT'): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  const { rowCount } = await client.query("SELECT FROM pg_publication WHERE pubname = 'bench'");
  if (rowCount === 0) await client.query('CREATE PUBLICATION bench FOR TABLE hot');
  await client.query('ALTER TABLE hot REPLICA IDENTITY FULL');
  await client.query(more);
  await client.end();
}
