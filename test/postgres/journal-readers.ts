import pg from 'pg';
import { rowOf, type Commit } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { Follower } from './follower.ts';

const MODEL = bareModel('r', { id: 'integer', ver: 'integer' });
const WRITERS = 30;
const ROWS = 40;
/** Transactions of each writer. */
const EACH = 120;

/** A row's new version, as some reader tells it. */
export type Told = readonly [id: number, version: number];

export interface Readings {
  /** What is shipped. */
  readonly difference: readonly Told[];
  /** "What has a higher number than the last I saw." */
  readonly naive: readonly Told[];
  /** "What is older than every open transaction, by transaction." */
  readonly horizon: readonly Told[];
  readonly table: ReadonlyMap<number, number>;
  readonly commits: readonly Commit[];
}

/** Three readers of one journal, while thirty writers write it: 1 to 4 rows each time, some pause in the middle, some roll back. */
export async function readByThree(server: PostgresServer): Promise<Readings> {
  const url = await server.createDatabase();
  const admin = await client(url);
  await admin.query('CREATE TABLE r (id integer PRIMARY KEY, ver integer NOT NULL)');
  await using follower = await Follower.of(postgres({ url, follow: 'triggers' }), [bound(MODEL)]);
  await admin.query(`INSERT INTO r SELECT n, 0 FROM generate_series(1, ${ROWS}) n`);
  await follower.settled();
  const others = [await SqlReader.of(url, NAIVE), await SqlReader.of(url, HORIZON)] as const;
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => client(url)));
  await Promise.all(writers.map(write));
  const [naive, horizon] = await Promise.all(others.map((reader) => reader.stop()));
  await follower.settled();
  const { rows } = await admin.query<{ id: number; ver: number }>('SELECT id, ver FROM r');
  await Promise.all([admin, ...writers].map((each) => each.end()));
  return {
    difference: follower.commits.flatMap(({ changes }) =>
      changes.flatMap(({ table, after }): Told[] => {
        const row = after && rowOf(table, after);
        return row ? [[Number(row['id']), Number(row['ver'])]] : [];
      }),
    ),
    naive: naive ?? [],
    horizon: horizon ?? [],
    table: new Map(rows.map(({ id, ver }) => [id, ver])),
    commits: follower.commits,
  };
}

async function client(url: string): Promise<pg.Client> {
  const made = new pg.Client(url);
  await made.connect();
  return made;
}

async function write(writer: pg.Client): Promise<void> {
  for (let n = 0; n < EACH; n++) {
    // In one order, so that nobody waits for each other.
    const ids = new Set(Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => 1 + Math.floor(Math.random() * ROWS)));
    await writer.query('BEGIN');
    for (const id of [...ids].toSorted((a, b) => a - b)) {
      await writer.query('UPDATE r SET ver = ver + 1 WHERE id = $1', [id]);
      if (Math.random() < 0.3) await new Promise((resolve) => setTimeout(resolve, Math.random() * 6));
    }
    await writer.query(Math.random() < 0.05 ? 'ROLLBACK' : 'COMMIT');
  }
}

const NAIVE = `SELECT xid, seq, after FROM rowcast.journal WHERE seq > $2 AND $1::xid8 IS NOT NULL ORDER BY seq`;
const HORIZON = `SELECT xid, seq, after FROM rowcast.journal
  WHERE (xid, seq) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY journal.xid, seq`;

/** Reads by a place in the journal that moves on with what was read. */
class SqlReader {
  readonly #client: pg.Client;
  readonly #sql: string;
  readonly #told: Told[] = [];
  #place: readonly [xid: string, seq: string] = ['0', '0'];
  #stopping = false;
  readonly #done: Promise<void>;

  private constructor(connected: pg.Client, sql: string) {
    this.#client = connected;
    this.#sql = sql;
    this.#done = this.#run();
  }

  static async of(url: string, sql: string): Promise<SqlReader> {
    return new SqlReader(await client(url), sql);
  }

  async stop(): Promise<readonly Told[]> {
    this.#stopping = true;
    await this.#done;
    await this.#look();
    await this.#client.end();
    return this.#told;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await this.#look();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #look(): Promise<void> {
    const { rows } = await this.#client.query<{ xid: string; seq: string; after: string | null }>(this.#sql, [...this.#place]);
    for (const { xid, seq, after } of rows) {
      this.#place = [xid, seq];
      const [, id, version] = /^\((\d+),(\d+)\)$/.exec(after ?? '') ?? [];
      if (id !== undefined) this.#told.push([Number(id), Number(version)]);
    }
  }
}

export interface Judged {
  readonly lost: number;
  readonly duplicated: number;
  /** Told after a later version of the same row. */
  readonly inverted: number;
  /** Rows that are at another version for who believed the reader. */
  readonly wrong: number;
}

export function judge(told: readonly Told[], table: ReadonlyMap<number, number>): Judged {
  const judged = { lost: 0, duplicated: 0, inverted: 0, wrong: 0 };
  for (const [id, version] of table) {
    const versions = told.flatMap(([row, each]) => (row === id ? [each] : []));
    const seen = new Set(versions);
    judged.duplicated += versions.length - seen.size;
    judged.lost += version + 1 - seen.size;
    judged.inverted += versions.filter((each, at) => at > 0 && each < Math.max(...versions.slice(Math.max(0, at - 50), at))).length;
    if (versions.at(-1) !== version) judged.wrong++;
  }
  return judged;
}
