import { expect } from 'vitest';
import type { OpenDatabase } from '../../src/core/index.ts';
import { postgres, type PostgresOptions } from '../../src/postgres/index.ts';
import { bound } from './bare-model.ts';
import { testClock, TestLog, until } from './follower.ts';
import { readingChild } from './reading-process.ts';
import { ITEM, OTHER, walsender, type Place } from './stream-laws.ts';

const BOUND = [bound(ITEM), bound(OTHER)];
const LONG = 3_600_000;

interface Node extends AsyncDisposable {
  readonly open: OpenDatabase;
  readonly log: TestLog;
}

async function node(place: Place, options: Partial<PostgresOptions> = {}): Promise<Node> {
  const log = new TestLog();
  const database = postgres({ url: place.world.url, slot: place.slot, connections: 3, ...options });
  const open = await database.open(BOUND, { setup: 'auto', clock: testClock(), log, shared: true });
  return { open, log, [Symbol.asyncDispose]: () => open.close() };
}

/** Reads from a position until it is stopped, and says how far it is. */
function reading(
  { source }: OpenDatabase,
  after: string,
): { readonly ids: number[]; readonly failed: Promise<unknown>; stop(): Promise<void> } {
  const ended = new AbortController();
  const ids: number[] = [];
  const failed = (async () => {
    try {
      for await (const commits of source.read(after, ended.signal)) {
        for (const { position, changes, lost } of commits) {
          if (lost.length > 0) throw new Error('lost');
          ids.push(...changes.map((change) => Number(change.after?.[0])));
          source.acknowledge(position);
        }
      }
      return null;
    } catch (error) {
      return error;
    }
  })();
  return {
    ids,
    failed,
    async stop() {
      ended.abort();
      await failed;
    },
  };
}

const insert = (place: Place, id: number): Promise<void> => place.app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
const slots = (place: Place): Promise<readonly unknown[]> =>
  place.app.all(`SELECT slot_name, active_pid FROM pg_replication_slots WHERE slot_name LIKE '${place.slot}%'`); // sql: a name of ours

/** What must hold where one process at a time reads for all. */
export const SHARED_LAWS: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  async 'who does not read has no slot and no connection for it, and knows where reading begins and ends'(place) {
    await using one = await node(place);
    await using other = await node(place);
    expect(await slots(place)).toEqual([{ slot_name: place.slot, active_pid: null }]);
    expect(one.open.bus).toBeUndefined();
    expect(await one.open.source.floor()).toEqual(await other.open.source.floor());
    await insert(place, 1);
    const floor = (await one.open.source.floor()).position;
    expect(floor < (await other.open.source.tail())).toBe(true);
    await other.open.source.mark({ client: 'c', write: 1 });
    other.open.source.acknowledge(floor);
    expect(
      await place.app.all(`SELECT 1 FROM pg_stat_replication r JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database()`),
    ).toEqual([]);
    await one.open.lease?.take('one', LONG);
    const read = reading(one.open, floor);
    await until(() => read.ids.includes(1));
    await read.stop();
    expect(await slots(place)).toEqual([{ slot_name: place.slot, active_pid: null }]);
  },

  async 'the lead goes from one to another and back, and each reads on where the one before was'(place) {
    await using one = await node(place);
    await using other = await node(place);
    let at = (await one.open.source.floor()).position;
    let id = 0;
    for (let round = 0; round < 6; round++) {
      const { open } = round % 2 === 0 ? one : other;
      expect(await open.lease?.take(`holder ${round % 2}`, LONG)).toMatchObject({ term: round + 1 });
      const read = reading(open, at);
      await insert(place, ++id);
      await until(() => read.ids.includes(id));
      at = await open.source.tail();
      await read.stop();
      expect(read.ids.filter((each) => each === id)).toEqual([id]);
      expect(await read.failed).toBe(null);
      // While nobody reads.
      await insert(place, ++id);
      await open.lease?.give(`holder ${round % 2}`);
      const next = reading((round % 2 === 0 ? other : one).open, at);
      await until(() => next.ids.includes(id));
      at = await open.source.tail();
      await next.stop();
      expect(next.ids).toEqual([id]);
    }
  },

  async 'a frozen reader is ended by who has the lease after it, and by nobody else'(place) {
    await using one = await node(place);
    // The server itself would end it, too, but after a minute.
    await place.app.run(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET wal_sender_timeout = ''60s''', current_database()); END $$`);
    const frozen = readingChild(place.world.url, { slot: place.slot });
    try {
      await until(() => frozen.said.length > 0);
      const pid = await until(() => walsender(place.app, place.slot));
      frozen.freeze();
      // Somebody else leads.
      await one.open.lease?.take('one', LONG);
      await one.open.lease?.give('one');
      await one.open.lease?.take('two', LONG);
      await place.app.run(`UPDATE rowcast.meta SET value = (value::jsonb || '{"holder": "three"}')::text WHERE key = 'lease'`);
      const late = reading(one.open, (await one.open.source.floor()).position);
      await insert(place, 1);
      await until(() => late.ids.includes(1));
      await late.stop();
      expect(await walsender(place.app, place.slot)).toBe(pid);
      // It leads itself.
      await place.app.run(`UPDATE rowcast.meta SET value = (value::jsonb || '{"holder": "two"}')::text WHERE key = 'lease'`);
      const read = reading(one.open, (await one.open.source.floor()).position);
      await insert(place, 2);
      await until(() => read.ids.includes(2));
      expect(await walsender(place.app, place.slot)).not.toBe(pid);
      expect(await place.app.all(`SELECT 1 FROM pg_stat_activity WHERE pid = ${String(pid)}`)).toEqual([]); // sql: a number
      expect(one.log.warnings.join()).toContain('frozen or cut off');
      await read.stop();
    } finally {
      frozen.kill();
      await frozen.ended;
    }
  },

  async 'a role that may not end the former reader says so, and reads by a slot of its own'(place) {
    const role = `${place.slot}_role`;
    await using owner = await node(place);
    await place.app.run(`CREATE ROLE "${role}" LOGIN REPLICATION`); // sql: a name of ours
    await place.app.run(
      `GRANT USAGE ON SCHEMA rowcast TO "${role}"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowcast TO "${role}"`,
    ); // sql: a name of ours
    try {
      const url = new URL(place.world.url);
      url.username = role;
      await using other = await node(place, { url: url.href, replicationUrl: place.world.url });
      await owner.open.lease?.take('owner', LONG);
      const former = reading(owner.open, (await owner.open.source.floor()).position);
      await insert(place, 1);
      await until(() => former.ids.includes(1));
      // It does not know yet that it leads no more.
      await owner.open.lease?.give('owner');
      await other.open.lease?.take('other', LONG);
      const read = reading(other.open, (await other.open.source.floor()).position);
      await insert(place, 2);
      await until(() => read.ids.includes(2));
      expect(other.log.warnings.join()).toContain('may not end it');
      await former.stop();
      await read.stop();
    } finally {
      await place.app.run(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`); // sql: a name of ours
    }
  },
};
