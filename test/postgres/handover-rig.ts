import pg from 'pg';
import { fold, rowOf, type Change, type Commit, type Position, type Table } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { Logged, Moment } from '../core/joins.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { Follower, until } from './follower.ts';
import { awaitGhost, hanging, release, ROWS, SEED, sendGhostAway, Writer, WRITERS } from './handover-writers.ts';

const MODEL = bareModel('r', { id: 'integer', ver: 'integer' });
const WAVES = 8;
const READ_AT_ONCE = 4;

/** Everything that every join is judged by: made once for a server. */
export interface Recording {
  readonly log: readonly Logged[];
  /** Subscriptions under writers that run free. */
  readonly free: readonly Moment[];
  /** Subscriptions while commits stand in the log that nobody can see yet, and others come to be seen past them. A journal has no such thing. */
  readonly ahead: readonly Moment[];
  /** The table at the end. */
  readonly table: ReadonlyMap<string, string>;
}

export interface RecordOptions {
  readonly subscriptions: number;
  readonly follow: 'log' | 'triggers';
  /** Between 0 and 1, the next one each time. */
  readonly random: () => number;
}

/** The server needs `fsync`, for commits to take their time, and no autovacuum, whose transactions would be among the scripted ones. */
export const HANDOVER_SETTINGS: Readonly<Record<string, string>> = { fsync: 'on', autovacuum: 'off', max_slot_wal_keep_size: '4GB' };

export async function record(server: PostgresServer, { subscriptions, follow, random }: RecordOptions): Promise<Recording> {
  const url = await server.createDatabase();
  const admin = new pg.Client(url);
  admin.on('error', () => undefined);
  await admin.connect();
  await admin.query(SEED);
  const writers = await Promise.all(Array.from({ length: WRITERS }, (_, at) => Writer.open(url, at + 1)));
  try {
    await using follower = await Follower.of(postgres({ url, follow, slot: 'handover', connections: READ_AT_ONCE + 2 }), [bound(MODEL)]);
    const table = follower.open.tables.get(MODEL) as Table;
    await admin.query(ROWS);
    for (const writer of writers) writer.start(random);
    const free: Moment[] = [];
    while (free.length < subscriptions) {
      free.push(...(await Promise.all(Array.from({ length: READ_AT_ONCE }, () => subscribe(follower, table)))));
    }
    for (const writer of writers) await writer.stop();
    const ahead = follow === 'log' ? await recordAhead(admin, writers, { follower, table }) : [];
    await follower.settled();
    const { rows } = await admin.query<{ id: number; ver: number }>('SELECT id, ver FROM r');
    return { log: logged(follower.commits), free, ahead, table: new Map(rows.map(({ id, ver }) => [String(id), String(ver)])) };
  } finally {
    await Promise.all([...writers, { close: () => admin.end() }].map((each) => each.close()));
  }
}

interface Reader {
  readonly follower: Follower;
  readonly table: Table;
}

/** Each wave: one transaction begins; ten others commit into the log and hang; it commits past them and is seen; then they are let go. */
async function recordAhead(admin: pg.Client, writers: readonly Writer[], { follower, table }: Reader): Promise<readonly Moment[]> {
  const [early, late, ...held] = writers as [Writer, Writer, ...Writer[]];
  const moments: Moment[] = [];
  const arrived = async (count: number): Promise<void> => {
    await until(() => follower.commits.length >= count);
  };
  const read = async (): Promise<void> => {
    for (let n = 0; n < READ_AT_ONCE; n++) moments.push(await subscribe(follower, table));
  };
  await follower.settled();
  await awaitGhost(admin);
  for (const free of [early, late]) await free.run('SET synchronous_commit = local');
  for (let wave = 0; wave < WAVES; wave++) {
    const before = follower.commits.length;
    await early.run(early.counted(`UPDATE r SET ver = ver + 1 WHERE id = 1`));
    const hung = Promise.all(
      held.map((writer, at) => writer.run(writer.counted(`UPDATE r SET ver = ver + 1 WHERE id = ${at + 2}; COMMIT`))),
    );
    await until(async () => (await hanging(admin)).length === held.length);
    await arrived(before + held.length);
    await early.run('COMMIT');
    await arrived(before + held.length + 1);
    await read();
    await late.run(late.counted(`UPDATE r SET ver = ver + 1 WHERE id = 1; COMMIT`));
    await read();
    await release(admin, held.map(({ pid }) => pid)); // prettier-ignore
    await hung;
    await read();
  }
  await sendGhostAway(admin);
  return moments;
}

/** First rows as a gateway reads them, and what wrong joins would go by. */
async function subscribe({ open, at }: Follower, table: Table): Promise<Moment> {
  const began: Position = at;
  const before = await open.source.tail();
  const { snapshot, pages } = await open.rows.read(table, { by: 'all' }, { signal: new AbortController().signal });
  if (snapshot.by !== 'xid') throw new Error('a Postgres log is joined by transaction ids');
  const rows = new Map<string, string>();
  for await (const page of pages) {
    for (const image of page.rows) rows.set(...textsOf(table, image));
  }
  // Counts only rise: a commit is in the rows when they have its writer's count, or a later one.
  const has = ({ changes }: Logged): boolean =>
    changes.every(({ key, after }) => !key.startsWith('-') || Number(rows.get(key) ?? -1) >= Number(after));
  return { snapshot, before, began, rows, has };
}

function logged(commits: readonly Commit[]): readonly Logged[] {
  let highest: bigint | null = null;
  const writing = commits.filter(({ changes }) => changes.length > 0);
  return writing.map(({ position, xid, changes }) => {
    if (xid !== null && (highest === null || xid > highest)) highest = xid;
    return { position, xid: xid === null ? null : String(xid), highest, changes: fold(changes).map(changed) };
  });
}

function changed({ table, before, after }: Change): Logged['changes'][number] {
  const [old, now] = [before && textsOf(table, before), after && textsOf(table, after)];
  return { key: (now ?? old)?.[0] ?? '', before: old?.[1] ?? null, after: now?.[1] ?? null };
}

function textsOf(table: Table, image: NonNullable<Change['after']>): [key: string, text: string] {
  const row = rowOf(table, image);
  return [String(row['id']), String(row['ver'])];
}
