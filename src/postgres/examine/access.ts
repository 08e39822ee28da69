import type { Finding } from '../../core/index.ts';
import { loadPg } from '../connection/driver.ts';
import { error, failed, ok } from './finding.ts';
import { ReplicationConnection } from '../log/replication.ts';
import { identifier, sqlState } from '../connection/sql.ts';

const CONNECTION_MS = 5_000;
/** A pooler with sessions to spare may deal them out in turn: then the same one comes round again. */
const LOOKS = 5;

/** Whether each statement, or transaction, may meet another session than the one before. */
async function isPooled(url: string): Promise<boolean> {
  const { Client } = await loadPg();
  const connect = async (): Promise<InstanceType<typeof Client>> => {
    const client = new Client({ connectionString: url, application_name: 'rowcast doctor', connectionTimeoutMillis: CONNECTION_MS });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const pidOf = async (client: InstanceType<typeof Client>): Promise<unknown> =>
    (await client.query<{ pid: unknown }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  const one = await connect();
  try {
    const other = await connect();
    try {
      for (let look = 0; look < LOOKS; look++) {
        const first = await pidOf(one);
        // Inside a transaction it keeps the session it got. Two connections that are open at once cannot have the same one.
        await other.query('BEGIN READ ONLY');
        const theirs = await pidOf(other);
        const second = await pidOf(one);
        await other.query('ROLLBACK');
        if (first === theirs || first !== second) return true;
      }
      return false;
    } finally {
      await other.end();
    }
  } finally {
    await one.end();
  }
}

export async function poolerFindings(url: string): Promise<readonly Finding[]> {
  if (!(await isPooled(url))) return [ok('connection', 'a connection keeps its session')];
  return [
    error(
      'connection',
      'something between here and Postgres gives each transaction another session, so that settings the values depend on get lost: let the pooler ' +
        'keep sessions (PgBouncer: pool_mode = session), or give the address of Postgres itself as `url`. The log is never read through such a ' +
        'pooler: give the address of Postgres itself as `replicationUrl`',
    ),
  ];
}

/** Whether the log may be read at this address, by this user; and whether it is the log of the same database. */
export async function replicationFindings(
  url: string,
  here: { readonly system: string; readonly database: string; readonly user: string },
): Promise<readonly Finding[]> {
  const about = 'replication';
  let connection: ReplicationConnection;
  try {
    connection = await ReplicationConnection.open(url);
  } catch (failure) {
    if (sqlState(failure) !== '42501') return [failed(about, failure)];
    const user = (URL.canParse(url) && decodeURIComponent(new URL(url).username)) || here.user;
    return [error(about, (failure as Error).message, `ALTER ROLE ${identifier(user)} REPLICATION`)];
  }
  try {
    const [row] = await connection.query('IDENTIFY_SYSTEM');
    const same = here.system === '' || row?.[0] === here.system;
    if (same && row?.[3] === here.database) return [ok(about, 'the log may be read')];
    return [
      error(
        about,
        `\`replicationUrl\` leads to ${same ? `the database "${row?.[3]}"` : 'another server'}, and \`url\` to "${here.database}": the ` +
          `log of one tells nothing of the other`,
      ),
    ];
  } finally {
    await connection.close();
  }
}
