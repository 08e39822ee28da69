import pg from 'pg';
import { until } from './follower.ts';

export const WRITERS = 12;
/** Rows that are there always, and rows that come and go. */
const STEADY = 60;
const PASSING = 20;

/** Each writer counts its commits in a row of its own, so that rows which were read say which commits they have in them. */
export const SEED = `CREATE TABLE r (id integer PRIMARY KEY, ver integer NOT NULL)`;
export const ROWS = `INSERT INTO r SELECT id, 0 FROM generate_series(${-WRITERS}, ${STEADY}) AS id WHERE id <> 0`;

/** One connection that writes: a random transaction after the other, or those it is told. */
export class Writer {
  readonly pid: number;
  readonly #client: pg.Client;
  /** Its own row. */
  readonly #id: number;
  #going: Promise<void> | null = null;
  #stopping = false;

  private constructor(client: pg.Client, pid: number, id: number) {
    this.#client = client;
    this.pid = pid;
    this.#id = id;
  }

  static async open(url: string, number: number): Promise<Writer> {
    const client = new pg.Client(url);
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return new Writer(client, rows[0]?.pid ?? 0, -number);
  }

  /** Several statements are one round trip. */
  async run(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  /** What a transaction writes besides the count. */
  counted(sql: string = ''): string {
    return `BEGIN; UPDATE r SET ver = ver + 1 WHERE id = ${this.#id}; ${sql}`;
  }

  start(random: () => number): void {
    this.#stopping = false;
    this.#going = (async () => {
      while (!this.#stopping) await this.run(this.#transaction(random));
    })();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#going;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#client.end();
  }

  // Rows are locked in the order of their ids, so no two writers wait for each other.
  #transaction(random: () => number): string {
    const id = 1 + Math.floor(random() * STEADY);
    const passing = STEADY + 1 + Math.floor(random() * PASSING);
    const more = [
      `INSERT INTO r SELECT ${passing}, 1000 * ver FROM r WHERE id = ${this.#id} ON CONFLICT DO NOTHING;`,
      `DELETE FROM r WHERE id = ${passing};`,
      `UPDATE r SET ver = ver + 1 WHERE id = ${passing};`,
      `SAVEPOINT s; UPDATE r SET ver = -1 WHERE id = ${passing}; ROLLBACK TO s;`,
      '',
    ][Math.floor(random() * 5)];
    return this.counted(`UPDATE r SET ver = ver + 1 WHERE id = ${id}; ${more} ${random() < 0.1 ? 'ROLLBACK' : 'COMMIT'}`);
  }
}

/** From now on commits wait for a standby that never comes, but for sessions that say they do not. */
export async function awaitGhost(admin: pg.Client): Promise<void> {
  await admin.query(`ALTER SYSTEM SET synchronous_standby_names = 'ghost'`);
  await admin.query('SELECT pg_reload_conf()');
  const { host, port, user, database } = admin;
  const probe = new pg.Client({ host, port, ...(user !== undefined && { user }), ...(database !== undefined && { database }) });
  probe.on('error', () => undefined);
  await probe.connect();
  const { rows } = await probe.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid ?? 0;
  // The setting reaches the server's processes one by one: it is there once a commit hangs.
  let hangs = false;
  const trying = (async () => {
    while (!hangs) await probe.query(`SELECT pg_logical_emit_message(true, 'probe', '')`);
  })();
  await until(async () => (hangs = (await hanging(admin)).includes(pid)));
  await release(admin, [pid]);
  await trying;
  await probe.end();
}

export async function sendGhostAway(admin: pg.Client): Promise<void> {
  await admin.query('ALTER SYSTEM RESET synchronous_standby_names');
  await admin.query('SELECT pg_reload_conf()');
}

/** Processes whose commits are in the log and not to be seen. */
export async function hanging(admin: pg.Client): Promise<readonly number[]> {
  const { rows } = await admin.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
  return rows.map(({ pid }) => pid);
}

/** Lets them be seen, at once and in no order. */
export async function release(admin: pg.Client, pids: readonly number[]): Promise<void> {
  await admin.query('SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
}
