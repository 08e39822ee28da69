import pg from 'pg';
import type { Random } from './random.ts';
import { ORGS, PEOPLE, REGIONS, TEAMS } from './tables.ts';

/** Texts, each with a mark that no other text has. */
export class Marks {
  #count = 0;

  text(): string {
    return `~${(++this.#count).toString(36)}~ it's "quoted" ✓`;
  }

  /** Longer than a page: stored elsewhere, and not repeated in the log of an update that leaves it alone. */
  wide(random: Random): string {
    return this.text() + 'x'.repeat(random.between(2_100, 6_000));
  }
}

export interface WritersOptions {
  readonly url: string;
  readonly count: number;
  readonly random: Random;
  /** Transactions that are prepared first, now and then. */
  readonly prepare: boolean;
  /** Row changes per second, of all together; about. */
  readonly pace: number;
}

/** Keys are few, so that rows are changed, moved and deleted again and again. */
const KEYS = { task: 160, note: 90, place: 80, price: 50, doc: 80, member: 30 };

/** Null: all there are. */
async function endPrepared(client: pg.Client, gids: readonly string[] | null): Promise<void> {
  const { rows } = await client.query<{ gid: string }>('SELECT gid FROM pg_prepared_xacts WHERE $1::text[] IS NULL OR gid = ANY ($1)', [
    gids,
  ]);
  for (const { gid } of rows) await client.query(`ROLLBACK PREPARED ${client.escapeLiteral(gid)}`);
}

type Statement = readonly [sql: string, params: readonly unknown[]];

/** Connections of the app's own that write to its tables, each by itself, until they are told to stop. */
export class Writers {
  readonly #options: WritersOptions;
  readonly #marks = new Marks();
  #going = false;
  #running: Promise<void>[] = [];
  #prepared = 0;
  transactions = 0;

  constructor(options: WritersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#going = true;
    const { count, random } = this.#options;
    this.#running = Array.from({ length: count }, () => this.#write(random.branch()));
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#running);
    while (!(await this.#tidied())) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /** Leaves nothing that was prepared and not ended. False: the database is away. */
  async #tidied(): Promise<boolean> {
    try {
      await once(this.#options.url, async (client) => {
        await endPrepared(client, null);
      });
      return true;
    } catch (error) {
      if (isMistake(error)) throw error;
      return false;
    }
  }

  async #write(random: Random): Promise<void> {
    const { url, pace, count } = this.#options;
    /** Prepared by this writer, and not ended for all it knows: nobody else can go on while they hold what they wrote. */
    const mine = new Set<string>();
    while (this.#going) {
      const client = newClient(url);
      try {
        await client.connect();
        await endPrepared(client, [...mine]);
        mine.clear();
        while (this.#going) {
          const rows = await this.#transaction(client, random, mine);
          await new Promise((resolve) => setTimeout(resolve, (rows * 1_000 * count * random.next() * 2) / pace));
        }
      } catch (error) {
        // A key that is taken, a deadlock, a server that is gone: the transaction is over, and the connection is made anew.
        if (isMistake(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        hangUp(client);
      }
    }
  }

  /** Gives how many rows it wrote, about. */
  async #transaction(client: pg.Client, random: Random, mine: Set<string>): Promise<number> {
    const statements = random.between(1, 5);
    this.transactions++;
    await client.query('BEGIN');
    for (let left = statements; left > 0; left--) {
      const undone = random.chance(0.06);
      if (undone) await client.query('SAVEPOINT undone');
      await client.query(...mutable(this.#statement(random)));
      if (undone) await client.query('ROLLBACK TO SAVEPOINT undone');
      else if (random.chance(0.05)) await client.query('SAVEPOINT kept');
      if (random.chance(0.05)) await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    }
    const end = random.weighed({ commit: 90, rollback: 6, prepare: this.#options.prepare ? 4 : 0 });
    if (end !== 'prepare') await client.query(end);
    else {
      const gid = `soak ${++this.#prepared}`;
      mine.add(gid);
      await client.query(`PREPARE TRANSACTION ${client.escapeLiteral(gid)}`);
      await client.query(`${random.chance(0.7) ? 'COMMIT' : 'ROLLBACK'} PREPARED ${client.escapeLiteral(gid)}`);
      mine.delete(gid);
    }
    return statements;
  }

  #statement(random: Random): Statement {
    switch (random.weighed({ task: 10, note: 5, place: 4, price: 3, doc: 4, member: 0.4 })) {
      case 'task':
        return this.#task(random);
      case 'note':
        return this.#note(random);
      case 'place':
        return this.#place(random);
      case 'price':
        return this.#price(random);
      case 'doc':
        return this.#doc(random);
      case 'member':
        return member(random);
    }
  }

  #task(random: Random): Statement {
    const id = random.below(KEYS.task);
    const org = random.chance(0.05) ? null : random.pick(ORGS);
    const team = random.pick(TEAMS);
    const body = random.chance(0.15) ? this.#marks.wide(random) : random.chance(0.5) ? this.#marks.text() : null;
    switch (random.weighed({ put: 5, title: 4, move: 2, rank: 2, key: 1, delete: 2, many: 0.15, swept: 0.2 })) {
      case 'put':
        return [
          `INSERT INTO task (id, org, team, title, body, rank, due, secret) VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8), $8)
           ON CONFLICT (id) DO UPDATE SET org = excluded.org, team = excluded.team, title = excluded.title, body = excluded.body`,
          [id, org, team, this.#marks.text(), body, String(2n ** 53n + BigInt(id)), random.below(2 ** 31) + 0.125, `canary-task-${id}`],
        ];
      case 'title':
        return ['UPDATE task SET title = $2 WHERE id = $1', [id, this.#marks.text()]];
      case 'move':
        return ['UPDATE task SET org = $2, team = $3 WHERE id = $1', [id, org, team]];
      case 'rank':
        return ['UPDATE task SET rank = rank + 1, secret = secret WHERE id BETWEEN $1 AND $1 + 1', [id]];
      case 'key':
        return ['UPDATE task SET id = $2 WHERE id = $1', [id, random.below(KEYS.task)]];
      case 'delete':
        return ['DELETE FROM task WHERE id = $1', [id]];
      case 'many':
        return ['UPDATE task SET rank = rank - 1 WHERE id % 8 = $1', [id % 8]];
      // What clients made would pile up.
      case 'swept':
        return ['DELETE FROM task WHERE id IN (SELECT id FROM task WHERE id >= 100000 ORDER BY id LIMIT 5)', []];
    }
  }

  #note(random: Random): Statement {
    const id = random.below(KEYS.note);
    const readers = random.some(PEOPLE, random.below(4)).map(({ name }) => name);
    switch (random.weighed({ put: 5, readers: 3, public: 2, key: 1, delete: 2 })) {
      case 'put':
        return [
          `INSERT INTO note (id, readers, public, text) VALUES ($1, $2, $3, $4)
           ON CONFLICT (id) DO UPDATE SET readers = excluded.readers, public = excluded.public, text = excluded.text`,
          [id, readers.join(','), random.chance(0.3), this.#marks.text()],
        ];
      case 'readers':
        return ['UPDATE note SET readers = $2 WHERE id = $1', [id, readers.join(',')]];
      case 'public':
        return ['UPDATE note SET public = NOT public WHERE id = $1', [id]];
      case 'key':
        return ['UPDATE note SET id = $2, text = $3 WHERE id = $1', [id, random.below(KEYS.note), this.#marks.text()]];
      case 'delete':
        return ['DELETE FROM note WHERE id = $1', [id]];
    }
  }

  #place(random: Random): Statement {
    const area = random.pick(['a', 'b "b"', "c'c"]);
    const spot = random.below(KEYS.place / 3);
    const region = random.chance(0.05) ? null : random.pick(REGIONS);
    switch (random.weighed({ put: 4, label: 4, region: 2, key: 1, delete: 1 })) {
      case 'put':
        return [
          `INSERT INTO place (area, spot, region, label, level) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (area, spot) DO UPDATE SET region = excluded.region, label = excluded.label, level = excluded.level`,
          [area, spot, region, this.#marks.text(), random.chance(0.1) ? 'NaN' : (random.below(10_000) / 100).toFixed(2)],
        ];
      case 'label':
        return ['UPDATE place SET label = $3 WHERE area = $1 AND spot = $2', [area, spot, this.#marks.text()]];
      case 'region':
        return ['UPDATE place SET region = $3 WHERE area = $1 AND spot = $2', [area, spot, region]];
      case 'key':
        return ['UPDATE place SET area = $3, spot = spot + 1 WHERE area = $1 AND spot = $2', [area, spot, random.pick(['a', 'd'])]];
      case 'delete':
        return ['DELETE FROM place WHERE area = $1 AND spot >= $2 AND spot < $2 + 3', [area, spot]];
    }
  }

  #price(random: Random): Statement {
    const id = random.below(KEYS.price);
    switch (random.weighed({ put: 4, amount: 4, hidden: 2, delete: 1, emptied: 0.02 })) {
      case 'put':
        return [
          `INSERT INTO price (id, amount, currency, hidden, remark) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, hidden = excluded.hidden, remark = excluded.remark`,
          [id, (random.below(100_000) / 100).toFixed(2), random.pick(['EUR', 'USD']), random.chance(0.3), this.#marks.text()],
        ];
      case 'amount':
        return ['UPDATE price SET amount = amount * 1.1, remark = $2 WHERE id = $1', [id, this.#marks.text()]];
      case 'hidden':
        return ['UPDATE price SET hidden = NOT hidden WHERE id = $1', [id]];
      case 'delete':
        return ['DELETE FROM price WHERE id = $1', [id]];
      case 'emptied':
        return ['TRUNCATE price', []];
    }
  }

  #doc(random: Random): Statement {
    const id = random.below(KEYS.doc);
    const org = random.pick(ORGS);
    switch (random.weighed({ put: 5, title: 4, move: 2, delete: 2, swept: 0.2 })) {
      case 'put':
        return [
          'INSERT INTO doc (id, org, title) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET org = excluded.org, title = excluded.title',
          [id, org, this.#marks.text()],
        ];
      case 'title':
        return ['UPDATE doc SET title = $2 WHERE id = $1', [id, this.#marks.text()]];
      case 'move':
        return ['UPDATE doc SET org = $2 WHERE id = $1', [id, org]];
      case 'delete':
        return ['DELETE FROM doc WHERE id = $1', [id]];
      case 'swept':
        return ['DELETE FROM doc WHERE id IN (SELECT id FROM doc WHERE id >= 100000 ORDER BY id LIMIT 5)', []];
    }
  }
}

function member(random: Random): Statement {
  const id = random.below(KEYS.member);
  const role = random.pick(['editor', 'reader']);
  if (random.chance(0.01)) return ['TRUNCATE member', []];
  if (random.chance(0.3)) return ['DELETE FROM member WHERE id = $1', [id]];
  return [
    'INSERT INTO member (id, person, org, role) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET org = excluded.org, role = excluded.role',
    [id, random.pick(PEOPLE).name, random.pick(ORGS), role],
  ];
}

const mutable = ([sql, params]: Statement): [string, unknown[]] => [sql, [...params]];

/** A statement that is wrong, as opposed to one that met with something. */
export function isMistake(error: unknown): boolean {
  return /^(22|25|26|42)/.test((error as { code?: string }).code ?? '');
}

/** One connection, for as long as it is used. */
export async function once<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = newClient(url);
  try {
    await client.connect();
    return await use(client);
  } finally {
    hangUp(client);
  }
}

/** @param options for the server: `-c timezone=UTC` */
export function newClient(url: string, options: string = ''): pg.Client {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, options });
  client.on('error', () => undefined);
  return client;
}

/** Not awaited: to a server that crashed at the wrong moment it never ends. */
export function hangUp(client: pg.Client): void {
  void client.end().catch(() => undefined);
}
