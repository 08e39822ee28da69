import { expect } from 'vitest';
import { UNREADABLE, type Image } from '../../src/core/index.ts';
import { bareModel, bound } from './bare-model.ts';
import { Follower, testClock, until } from './follower.ts';
import type { Site } from './setup-laws.ts';

const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const NAMED = bareModel('item', { id: 'integer', text: 'text', note: 'text' });
const WITH_ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';

/** Whatever looks now and then does so at once. */
const HASTY = { clock: testClock(200) };

/** What must hold of rows, whatever their table is like, and of tables and publications that change under the reader. */
export const LOG_LAWS: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  async 'rows of a partitioned table are rows of that table, also when they move between partitions'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text) PARTITION BY RANGE (id)');
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await app.run('CREATE TABLE high PARTITION OF item FOR VALUES FROM (10) TO (20)');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await app.run('UPDATE item SET id = 11');
    await app.run(`UPDATE item SET text = 'c'`);
    await app.run('DELETE FROM item');
    await follower.settled();
    expect(follower.lost).toEqual([]);
    expect(follower.changes).toEqual([
      [[null, { id: '1', text: 'a' }]],
      [
        [
          { id: '1', text: 'a' },
          { id: '1', text: 'b' },
        ],
      ],
      // A key that changed is a row that went and a row that came, as in any table.
      [
        [{ id: '1', text: 'b' }, null],
        [null, { id: '11', text: 'b' }],
      ],
      [
        [
          { id: '11', text: 'b' },
          { id: '11', text: 'c' },
        ],
      ],
      [[{ id: '11', text: 'c' }, null]],
    ]);
  },

  async 'a partition that comes later is followed whole as soon as it has been seen'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text) PARTITION BY RANGE (id)');
    await using follower = await Follower.of(database(), [bound(ITEM)], HASTY);
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await until(async () => (await app.all(`SELECT relreplident FROM pg_class WHERE relname = 'low'`))[0]?.['relreplident'] === 'f');
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await follower.settled();
    expect([follower.changes.length, follower.lost]).toEqual([2, []]);
  },

  async 'what a partition that came later cannot tell is a loss, never half a row'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, note text) PARTITION BY RANGE (id)');
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await using follower = await Follower.of(database(), [bound(NAMED)]);
    await follower.settled();
    await app.run('CREATE TABLE high PARTITION OF item FOR VALUES FROM (10) TO (20)');
    for (const id of [1, 11, 12, 13]) await app.run(`INSERT INTO item VALUES (${id}, 'a')`); // sql: a number
    await app.run('DELETE FROM item WHERE id = 11');
    await app.run(`UPDATE item SET text = 'b' WHERE id = 12`);
    await app.run('UPDATE item SET id = 14 WHERE id = 13');
    await app.run('DELETE FROM item WHERE id = 1');
    await follower.settled();
    expect(follower.lost).toEqual(['item schema', 'item schema', 'item schema']);
    expect(follower.changes.slice(4)).toEqual([[[{ id: '1', text: 'a', note: null }, null]]]);
  },

  async 'a TRUNCATE with CASCADE loses each table it empties'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE part (id integer PRIMARY KEY, item integer REFERENCES item (id))');
    await using follower = await Follower.of(database(), [bound(ITEM), bound(bareModel('part', { id: 'integer', item: 'integer' }))]);
    await app.run('TRUNCATE item CASCADE');
    await follower.settled();
    expect(follower.lost.toSorted()).toEqual(['item truncate', 'part truncate']);
  },

  async 'a large value stored out of line is in both images of an update that leaves it alone, whatever the storage'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, note text)');
    await app.run('ALTER TABLE item ALTER COLUMN text SET STORAGE EXTERNAL');
    await using follower = await Follower.of(database(), [bound(NAMED)]);
    await app.run(`INSERT INTO item VALUES (1, repeat('äx', 5000), 'a')`);
    await app.run(`UPDATE item SET note = 'b'`);
    await app.run(`UPDATE item SET id = 2`);
    await follower.settled();
    const text = 'äx'.repeat(5_000);
    expect(follower.changes.slice(1)).toEqual([
      [
        [
          { id: '1', text, note: 'a' },
          { id: '1', text, note: 'b' },
        ],
      ],
      [
        [{ id: '1', text, note: 'b' }, null],
        [null, { id: '2', text, note: 'b' }],
      ],
    ]);
  },

  async 'values of the log read as those of a query, under the most hostile settings of the database'({ app, world, database }) {
    const name = new URL(world.url).pathname.slice(1);
    for (const [setting, value] of Object.entries(HOSTILE)) await app.run(`ALTER DATABASE "${name}" SET ${setting} = '${value}'`); // sql: constants
    const types = {
      id: 'integer',
      at: 'timestamp with time zone',
      day: 'date',
      span: 'interval',
      real: 'double precision',
      raw: 'bytea',
      list: 'timestamp with time zone[]',
    };
    await app.run(`CREATE TABLE item (${Object.entries(types).map(([column, type]) => `${column} ${type}`).join(', ')}, PRIMARY KEY (id))`); // prettier-ignore
    await using follower = await Follower.of(database(), [bound(bareModel('item', types))]);
    const other = await world.other();
    await other.run(
      `INSERT INTO item VALUES (1, '2026-11-01 09:00:00.123456+09', '2024-02-03', '1 year 2 days 03:04:05.6', 0.1::float8 + 0.2::float8, '\\x00ff41', '{2024-02-03 00:00+00}')`,
    );
    await follower.settled();
    expect(follower.changes).toEqual([
      [[null, { id: '1', at: '2026-11-01 00:00:00.123456+00', day: '2024-02-03', span: 'P1Y2DT3H4M5.6S', real: '0.30000000000000004', raw: '\\x00ff41', list: '{"2024-02-03 00:00:00+00"}' }]], // prettier-ignore
    ]);
  },

  async 'a column that nobody lists may come, change and go; a listed one that changes loses its table'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, note text)');
    await using follower = await Follower.of(database(), [bound(NAMED, ['id', 'text'])]);
    await app.run(`INSERT INTO item VALUES (1, 'a', 'n')`);
    await app.run("ALTER TABLE item ADD COLUMN more text DEFAULT 'm'");
    await app.run(`UPDATE item SET text = 'b'`);
    await app.run('ALTER TABLE item DROP COLUMN note');
    await app.run(`UPDATE item SET text = 'c'`);
    await follower.settled();
    expect([follower.lost, lastOf(follower)]).toEqual([
      [],
      [
        ['1', 'b', UNREADABLE],
        ['1', 'c', UNREADABLE],
      ],
    ]);
    await app.run('ALTER TABLE item RENAME COLUMN text TO title');
    await app.run(`UPDATE item SET title = 'd'`);
    await follower.settled();
    expect(follower.lost).toEqual(['item schema']);
    await app.run('ALTER TABLE item RENAME COLUMN title TO text');
    await app.run(`UPDATE item SET text = 'e'`);
    await follower.settled();
    expect([follower.lost, lastOf(follower)]).toEqual([
      ['item schema'],
      [
        ['1', 'd', UNREADABLE],
        ['1', 'e', UNREADABLE],
      ],
    ]);
  },

  async 'a column that the log does not have as the model says is never NULL, nor read by the wrong rule'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, note boolean NOT NULL)');
    const secret = bareModel('item', { id: 'integer', text: 'text', note: 'boolean' });
    await using follower = await Follower.of(database(), [bound(secret, ['text'])]);
    await app.run(`INSERT INTO item VALUES (1, 'a', true)`);
    await follower.settled();
    expect(lastOf(follower)).toEqual([null, ['1', 'a', 't']]);
    for (const ddl of ['ALTER note TYPE smallint USING note::int', 'DROP COLUMN note']) {
      await app.run(`ALTER TABLE item ${ddl}`); // sql: constants
      await app.run(`UPDATE item SET text = text || 'b'`);
      await follower.settled();
      expect(lastOf(follower).map((image) => image?.[2])).toEqual([UNREADABLE, UNREADABLE]);
    }
    // Nor is it after a start that finds it so.
    await using later = await Follower.of(database({ slot: 'later_of_unreadable' }), [bound(secret, ['text'])]);
    await app.run(`UPDATE item SET text = 'c'`);
    await later.settled();
    expect(lastOf(later).map((image) => image?.[2])).toEqual([UNREADABLE, UNREADABLE]);
  },

  async 'a table that is dropped is lost alone and said with the cure: the others go on'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE other (id integer PRIMARY KEY)');
    await using follower = await Follower.of(database(), [bound(ITEM), bound(bareModel('other', { id: 'integer' }))], HASTY);
    await follower.settled();
    await app.run('DROP TABLE item');
    await until(() => follower.lost.length > 0);
    await app.run('INSERT INTO other VALUES (1)');
    await follower.settled();
    const [pid] = await app.all('SELECT active_pid FROM pg_replication_slots WHERE active');
    // Also on a new connection.
    await app.run(`SELECT pg_terminate_backend(${String(pid?.['active_pid'])})`); // sql: a number
    await app.run('INSERT INTO other VALUES (2)');
    await follower.settled();
    expect([follower.lost, follower.changes]).toEqual([['item schema'], [[[null, { id: '1' }]], [[null, { id: '2' }]]]]);
    expect(follower.log.errors.filter((error) => error.includes('create it again and restart'))).toHaveLength(1);
  },

  async 'a table that cannot be followed for a while is lost when that begins, and when it ends'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE other (id integer PRIMARY KEY)');
    await using follower = await Follower.of(database(), [bound(ITEM), bound(bareModel('other', { id: 'integer' }))], HASTY);
    await follower.settled();
    await app.run('CREATE TABLE child () INHERITS (item)');
    await until(() => follower.lost.length === 1);
    await app.run('DROP TABLE child');
    await until(() => follower.lost.length === 2);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect([follower.lost, follower.changes, follower.failures]).toEqual([
      ['item schema', 'item schema'],
      [[[null, { id: '1', text: 'a' }]]],
      [],
    ]);
    expect(follower.log.errors.join()).toContain('NO INHERIT "public"."item"');
  },

  async 'a partition that is attached, detached or dropped with its rows loses the table'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text) PARTITION BY RANGE (id)');
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await app.run('CREATE TABLE high (id integer PRIMARY KEY, text text)');
    await app.run(`INSERT INTO high VALUES (11, 'a')`);
    await using follower = await Follower.of(database(), [bound(ITEM)], HASTY);
    const steps = ['ALTER TABLE item ATTACH PARTITION high FOR VALUES FROM (10) TO (20)', 'ALTER TABLE item DETACH PARTITION high', 'DROP TABLE low']; // prettier-ignore
    for (const [index, step] of steps.entries()) {
      await app.run(step);
      await until(() => follower.lost.length === index + 1);
    }
    await follower.settled();
    expect([follower.lost, follower.failures]).toEqual([steps.map(() => 'item schema'), []]);
  },

  async 'a renamed table is the same table'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run('ALTER TABLE item RENAME TO thing');
    await app.run(`INSERT INTO thing VALUES (1, 'a')`);
    await follower.settled();
    expect(follower.changes).toEqual([[[null, { id: '1', text: 'a' }]]]);
  },

  async 'a replica identity taken away loses what cannot be known, and is set again'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await using follower = await Follower.of(database(), [bound(ITEM)], HASTY);
    await app.run('ALTER TABLE item REPLICA IDENTITY DEFAULT');
    await until(async () => (await app.all(`SELECT relreplident FROM pg_class WHERE relname = 'item'`))[0]?.['relreplident'] === 'f');
    follower.commits.length = 0;
    await app.run(`UPDATE item SET text = 'b'`);
    await follower.settled();
    expect(follower.changes).toEqual([
      [
        [
          { id: '1', text: 'a' },
          { id: '1', text: 'b' },
        ],
      ],
    ]);
  },

  async 'an update that left no row before it in the log is a loss, never half a change'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await app.run('BEGIN');
    await app.run('ALTER TABLE item REPLICA IDENTITY DEFAULT');
    await app.run(`UPDATE item SET text = 'b'`);
    await app.run('ALTER TABLE item REPLICA IDENTITY FULL');
    await app.run('COMMIT');
    await follower.settled();
    expect([follower.lost, follower.changes]).toEqual([['item schema'], []]);
  },

  async 'a table taken out of the publication and put back is a loss, never a silent gap'({ app, database }) {
    await app.run(WITH_ITEM);
    await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
    // Left to itself it might put the table back first.
    await using follower = await Follower.of(database(), [bound(ITEM)], { ...HASTY, setup: 'check' });
    await follower.settled();
    await app.run('ALTER PUBLICATION rowcast DROP TABLE item');
    await app.run(`INSERT INTO item VALUES (1, 'unseen')`);
    await app.run('ALTER PUBLICATION rowcast ADD TABLE item');
    await until(() => follower.lost.length > 0);
    await app.run(`INSERT INTO item VALUES (2, 'seen')`);
    await follower.settled();
    expect([follower.lost, follower.changes]).toEqual([['item publication_changed'], [[[null, { id: '2', text: 'seen' }]]]]);
  },

  async 'a transaction that was open while its table was put back never counts by half'({ app, world, database }) {
    await app.run(WITH_ITEM);
    const other = await world.other();
    await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
    // Left to itself it would put the table back, when nobody is writing to it.
    await using follower = await Follower.of(database(), [bound(ITEM)], { ...HASTY, setup: 'check' });
    await follower.settled();
    await app.run('ALTER PUBLICATION rowcast DROP TABLE item');
    await other.run('BEGIN');
    await other.run(`INSERT INTO item VALUES (1, 'before')`);
    await until(() => follower.lost.length > 0);
    const gone = follower.lost.length;
    await app.run('ALTER PUBLICATION rowcast ADD TABLE item');
    await until(() => follower.lost.length > gone);
    await other.run(`INSERT INTO item VALUES (2, 'after')`);
    await other.run('COMMIT');
    await until(() => follower.changes.length > 0);
    const half = follower.commits.findIndex(({ changes }) => changes.length > 0);
    await until(() => follower.commits.some(({ lost }, at) => at > half && lost.length > 0));
    await follower.settled();
    // And then it is over.
    const count = follower.lost.length;
    await app.run(`INSERT INTO item VALUES (3, 'x')`);
    await follower.settled();
    expect([follower.lost.length, follower.changes.at(-1)]).toEqual([count, [[null, { id: '3', text: 'x' }]]]);
  },

  async 'a publication that is dropped is made again, and what was missed is a loss'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)], HASTY);
    await follower.settled();
    await app.run('DROP PUBLICATION rowcast');
    await app.run(`INSERT INTO item VALUES (1, 'unseen')`);
    await until(() => follower.lost.length > 0);
    await app.run(`INSERT INTO item VALUES (2, 'seen')`);
    await follower.settled();
    expect([[...new Set(follower.lost)], follower.changes.at(-1)]).toEqual([
      ['item publication_changed'],
      [[null, { id: '2', text: 'seen' }]],
    ]);
  },

  async 'where only checking is allowed, a dropped publication is an error with its statements until somebody makes it again'({
    app,
    database,
  }) {
    await app.run(WITH_ITEM);
    await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
    await using follower = await Follower.of(database(), [bound(ITEM)], { ...HASTY, setup: 'check' });
    await follower.settled();
    await app.run('DROP PUBLICATION rowcast');
    await app.run(`INSERT INTO item VALUES (1, 'unseen')`);
    await until(() => follower.failures.some((error) => String(error).includes('CREATE PUBLICATION "rowcast"')));
    await app.run(`CREATE PUBLICATION rowcast FOR TABLE item WITH (publish_via_partition_root = true${await generatedOption(app)})`); // sql: one of two constants
    await until(() => follower.lost.length > 0);
    await app.run(`INSERT INTO item VALUES (2, 'seen')`);
    await follower.settled();
    expect([[...new Set(follower.lost)], follower.changes.at(-1)]).toEqual([
      ['item publication_changed'],
      [[null, { id: '2', text: 'seen' }]],
    ]);
  },

  async 'a slot older than its publication is no dead end'({ app, slot, database }) {
    await app.run(WITH_ITEM);
    await app.run(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`); // sql: a name of ours
    await app.run(`INSERT INTO item VALUES (1, 'before')`);
    await using follower = await Follower.of(database(), [bound(ITEM)], HASTY);
    await app.run(`INSERT INTO item VALUES (2, 'after')`);
    await follower.settled();
    // Whether the server can read on from there differs by version; what counts is that nothing is missing without a word.
    expect(follower.lost.length > 0 || follower.changes.length === 1).toBe(true);
    await app.run(`INSERT INTO item VALUES (3, 'later')`);
    await follower.settled();
    expect(follower.changes.at(-1)).toEqual([[null, { id: '3', text: 'later' }]]);
  },
};

/** The images of the last commit's one change. */
function lastOf({ commits }: Follower): readonly (Image | null)[] {
  const change = commits.flatMap(({ changes }) => changes).at(-1);
  return [change?.before ?? null, change?.after ?? null];
}

const HOSTILE = {
  datestyle: 'German',
  intervalstyle: 'postgres_verbose',
  bytea_output: 'escape',
  timezone: 'Asia/Tokyo',
  extra_float_digits: '-5',
  statement_timeout: '30s',
  lock_timeout: '30s',
  idle_session_timeout: '30s',
};

async function generatedOption(app: Site['app']): Promise<string> {
  const [row] = await app.all(`SELECT current_setting('server_version_num')::int >= 180000 AS can`);
  return row?.['can'] === true ? ', publish_generated_columns = stored' : '';
}
