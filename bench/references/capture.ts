import pg from 'pg';
import { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';

/** The package most use for this: its pgoutput plugin, acknowledging by itself. */
export async function prepare(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE PUBLICATION bench_reference FOR TABLE hot');
  await client.query('ALTER TABLE hot REPLICA IDENTITY FULL');
  await client.query("SELECT pg_create_logical_replication_slot('bench_reference', 'pgoutput')");
  await client.end();
}

export async function read(url: string, rows: number): Promise<void> {
  const service = new LogicalReplicationService({ connectionString: url }, { acknowledge: { auto: true, timeoutSeconds: 1 } });
  const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ['bench_reference'] });
  let seen = 0;
  let last = '';
  await new Promise<void>((resolve, reject) => {
    service.on('error', reject);
    service.on('data', (lsn: string, message: { tag: string }) => {
      if (message.tag === 'update') seen++;
      if (message.tag === 'commit') {
        last = lsn;
        if (seen >= rows) resolve();
      }
    });
    service.subscribe(plugin, 'bench_reference').catch(reject);
  });
  await service.acknowledge(last);
  await service.stop();
  if (seen !== rows) throw new Error(`${seen} rows, not ${rows}`);
}
