import { expect } from 'vitest';
import { UNREADABLE } from '../../src/core/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { Follower, until } from './follower.ts';
import { LOG_LAWS } from './log-laws.ts';
import { SETUP_LAWS, type Site } from './setup-laws.ts';

const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const NAMED = bareModel('item', { id: 'integer', text: 'text', note: 'text' });
const WITH_ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';
const PARTED = 'CREATE TABLE item (id integer PRIMARY KEY, text text) PARTITION BY RANGE (id)';

type Law = (site: Site, server: PostgresServer) => Promise<void>;

/** Those that hold whatever a table is followed by. */
const SHARED = [
  'rows of a partitioned table are rows of that table, also when they move between partitions',
  'a TRUNCATE with CASCADE loses each table it empties',
  'a large value stored out of line is in both images of an update that leaves it alone, whatever the storage',
  'values of the log read as those of a query, under the most hostile settings of the database',
  'a column that the log does not have as the model says is never NULL, nor read by the wrong rule',
  'a renamed table is the same table',
  'a table without a key is refused, and the app goes on writing to it',
  'an unlogged table is refused with the statement that cures it',
  'a table that others inherit from is refused, and the app goes on writing to all of them',
  'a partitioned table without a primary key is refused: the app could not write to its next partition',
  'a step that would wait behind the app gives up soon, naming who is in the way',
  'processes that start at the same moment set the database up once, and each reads',
];

function shared(): Readonly<Record<string, Law>> {
  const laws: Readonly<Record<string, Law>> = { ...LOG_LAWS, ...SETUP_LAWS };
  return Object.fromEntries(
    SHARED.map((name) => {
      const law = laws[name];
      if (!law) throw new Error(`there is no law "${name}" any more`);
      return [name, law];
    }),
  );
}

/** What must hold of rows and tables that change under triggers. */
export const TRIGGER_TABLE_LAWS: Readonly<Record<string, Law>> = {
  ...shared(),

  async 'columns that nobody lists come and go under load without a loss, and without a row misread'({ app, world, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, old text, text text, note text)');
    await app.run(`INSERT INTO item VALUES (1, 'o', '0', 'n')`);
    await using follower = await Follower.of(database(), [bound(NAMED, ['id', 'text'])]);
    const other = await world.other();
    let writing = true;
    let written = 0;
    const writer = (async () => {
      while (writing) await other.run(`UPDATE item SET text = '${++written}'`); // sql: a number
    })();
    const steps = [
      `ALTER TABLE item ADD COLUMN more text DEFAULT 'secret'`,
      'ALTER TABLE item ADD COLUMN most integer',
      'ALTER TABLE item DROP COLUMN more',
      'ALTER TABLE item DROP COLUMN old',
      'ALTER TABLE item DROP COLUMN note',
      'ALTER TABLE item RENAME COLUMN most TO least',
    ];
    for (const step of steps) {
      const upTo = written + 30;
      await until(() => written > upTo);
      await app.run(step);
      // One alteration between two looks can be told apart by the rows' width; of several, some could not.
      await follower.settled();
    }
    const upTo = written + 30;
    await until(() => written > upTo);
    writing = false;
    await writer;
    await follower.settled();
    expect([follower.lost, follower.failures]).toEqual([[], []]);
    const rows = follower.commits.flatMap(({ changes }) => changes);
    expect(rows.map(({ after }) => after?.[1])).toEqual(Array.from({ length: written }, (_, at) => String(at + 1)));
    expect(new Set(rows.map(({ after }) => after?.[2]))).toEqual(new Set(['n', UNREADABLE]));
  },

  async 'a listed column that is renamed, re-typed or dropped is a loss as soon as it is, without a row too'({ app, database }) {
    const alterations = [
      'ALTER TABLE item RENAME COLUMN text TO title',
      'ALTER TABLE item RENAME COLUMN title TO text',
      'ALTER TABLE item ALTER COLUMN text TYPE varchar(3)',
      'ALTER TABLE item ALTER COLUMN text TYPE text',
      'ALTER TABLE item DROP COLUMN text',
    ];
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    for (const [at, alteration] of alterations.entries()) {
      await app.run(alteration);
      await until(() => follower.lost.length === at + 1);
    }
    expect([new Set(follower.lost), follower.failures]).toEqual([new Set(['item schema']), []]);
    await app.run('INSERT INTO item VALUES (1)');
    await follower.settled();
    expect([follower.lost.at(-1), follower.changes]).toEqual(['item schema', []]);
  },

  async 'two columns that change their names in one transaction with rows never change their values'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, note text)');
    await using follower = await Follower.of(database(), [bound(NAMED, ['id', 'text'])]);
    await follower.settled();
    const swap = ['text TO t', 'note TO text', 't TO note'].map((names) => `ALTER TABLE item RENAME ${names}`);
    for (const [id, back] of [
      [1, false],
      [2, true],
    ] as const) {
      await app.run('BEGIN');
      await app.run(`INSERT INTO item VALUES (${10 * id}, 'public', 'secret')`); // sql: a number
      for (const statement of swap) await app.run(statement);
      await app.run(`INSERT INTO item VALUES (${10 * id + 1}, 'secret', 'public')`); // sql: a number
      if (back) for (const statement of swap) await app.run(statement);
      await app.run('COMMIT');
      await follower.settled();
    }
    expect([follower.lost, follower.changes]).toEqual([['item schema', 'item schema'], []]);
    await app.run(`INSERT INTO item (id, text, note) VALUES (1, 'public', 'secret')`);
    await follower.settled();
    expect(follower.changes).toEqual([[[null, { id: '1', text: 'public', note: 'secret' }]]]);
  },

  async 'what an app’s own trigger writes to the same row is told after what it was fired by'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run(`CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.text NOT LIKE '%!' THEN UPDATE item SET text = NEW.text || '!' WHERE id = NEW.id; END IF; RETURN NULL; END $$`);
    await app.run('CREATE TRIGGER "0 first of all" AFTER INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION again()');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await follower.settled();
    expect(follower.commits.flatMap(({ changes }) => changes.map(({ before, after }) => [before?.[1], after?.[1]]))).toEqual([
      [undefined, 'a'],
      ['a', 'a!'],
      ['a!', 'b'],
      ['b', 'b!'],
    ]);
  },

  async 'a trigger that is dropped or switched off is a loss, and made again: nothing is missed in silence'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE other (id integer PRIMARY KEY)');
    await using follower = await Follower.of(database(), [bound(ITEM), bound(bareModel('other', { id: 'integer' }))]);
    await follower.settled();
    const blows = [
      'ALTER TABLE item DISABLE TRIGGER ALL',
      'ALTER TABLE item ENABLE TRIGGER "!rowcast_rows"',
      'DROP TRIGGER "!rowcast_truncate" ON item',
      'DROP TRIGGER "!rowcast_rows" ON item',
    ];
    for (const [at, blow] of blows.entries()) {
      const count = follower.lost.length;
      await app.run(blow);
      await app.run(`INSERT INTO item VALUES (${at}, 'missed')`); // sql: a number
      // Once when it went, once when it came back.
      await until(() => follower.lost.length === count + 2);
      expect(await app.all(`SELECT count(*)::int AS count FROM pg_trigger WHERE tgrelid = 'item'::regclass AND tgenabled = 'A'`)).toEqual([{ count: 2 }]); // prettier-ignore
    }
    await app.run('INSERT INTO other VALUES (1)');
    await app.run(`INSERT INTO item VALUES (9, 'told')`);
    await follower.settled();
    expect([new Set(follower.lost), follower.failures, follower.log.errors]).toEqual([new Set(['item publication_changed']), [], []]);
    expect(follower.changes.slice(-2)).toEqual([[[null, { id: '1' }]], [[null, { id: '9', text: 'told' }]]]);
  },

  async 'a trigger switched off and on again between two looks is a loss all the same'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await app.run('BEGIN');
    await app.run('ALTER TABLE item DISABLE TRIGGER "!rowcast_rows"');
    await app.run(`INSERT INTO item VALUES (1, 'missed')`);
    await app.run('ALTER TABLE item ENABLE ALWAYS TRIGGER "!rowcast_rows"');
    await app.run('COMMIT');
    await follower.settled();
    expect([follower.lost, follower.changes]).toEqual([['item publication_changed'], []]);
  },

  async 'where only checking is allowed, a dropped trigger is an error with its statement, and a loss again once somebody made it'({
    app,
    database,
  }) {
    await app.run(WITH_ITEM);
    await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
    await using follower = await Follower.of(database(), [bound(ITEM)], { setup: 'check' });
    await follower.settled();
    await app.run('DROP TRIGGER "!rowcast_rows" ON item');
    await until(() => follower.log.errors.some((error) => error.includes('CREATE TRIGGER "!rowcast_rows"')));
    await app.run(`INSERT INTO item VALUES (1, 'missed')`);
    for (const { sql } of await database().plan([bound(ITEM)])) await app.run(sql);
    await until(() => follower.lost.length === 2);
    await app.run(`INSERT INTO item VALUES (2, 'told')`);
    await follower.settled();
    expect([follower.lost, follower.changes]).toEqual([
      ['item publication_changed', 'item publication_changed'],
      [[[null, { id: '2', text: 'told' }]]],
    ]);
  },

  async 'a table that is dropped is lost alone and said with the cure; made anew it is followed after a restart'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE other (id integer PRIMARY KEY)');
    const both = [bound(ITEM), bound(bareModel('other', { id: 'integer' }))];
    await using follower = await Follower.of(database(), both);
    await follower.settled();
    await app.run('DROP TABLE item');
    await until(() => follower.lost.length > 0);
    await until(() => follower.log.errors.some((error) => error.includes('create it again and restart')));
    await app.run('INSERT INTO other VALUES (1)');
    await follower.settled();
    expect([follower.lost, follower.changes, follower.failures]).toEqual([['item publication_changed'], [[[null, { id: '1' }]]], []]);
    await app.run(WITH_ITEM);
    await using again = await Follower.of(database(), both, { from: 'floor' });
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await again.settled();
    expect([again.lost, again.changes.at(-1)]).toEqual([['item publication_changed'], [[null, { id: '1', text: 'a' }]]]);
  },

  async 'a table that begins to have rows without triggers is lost when that begins, and when it ends'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await app.run('CREATE TABLE child () INHERITS (item)');
    await until(() => follower.lost.length === 1 && follower.log.errors.some((error) => error.includes('NO INHERIT "public"."item"')));
    await app.run('DROP TABLE child');
    await until(() => follower.lost.length === 2);
    await app.run('ALTER TABLE item SET UNLOGGED');
    await until(() => follower.lost.length === 3 && follower.log.errors.some((error) => error.includes('SET LOGGED')));
    await app.run('ALTER TABLE item SET LOGGED');
    await until(() => follower.lost.length === 4);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect([new Set(follower.lost), follower.changes]).toEqual([new Set(['item publication_changed']), [[[null, { id: '1', text: 'a' }]]]]);
  },

  async 'a partition that is made is followed at once; one that is attached, detached, emptied or dropped with its rows loses the table'({
    app,
    database,
  }) {
    await app.run(PARTED);
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await app.run('CREATE TABLE high (text text, id integer PRIMARY KEY)');
    await app.run(`INSERT INTO high VALUES ('a', 11)`);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await app.run('CREATE TABLE far PARTITION OF item FOR VALUES FROM (90) TO (100)');
    await app.run(`INSERT INTO item VALUES (91, 'x'), (1, 'y')`);
    await follower.settled();
    expect([follower.lost, follower.changes]).toEqual([[], [[[null, { id: '91', text: 'x' }], [null, { id: '1', text: 'y' }]]]]); // prettier-ignore
    const steps = [
      ['ALTER TABLE item ATTACH PARTITION high FOR VALUES FROM (10) TO (20)', 'schema'],
      ['TRUNCATE low', 'truncate'],
      ['ALTER TABLE item DETACH PARTITION high', 'schema'],
      ['DROP TABLE low', 'schema'],
    ] as const;
    for (const [at, [step, reason]] of steps.entries()) {
      await app.run(step);
      await until(() => follower.lost.length === at + 1);
      expect(follower.lost.at(-1)).toBe(`item ${reason}`);
    }
    await app.run(`UPDATE item SET text = 'z'`);
    await follower.settled();
    expect([follower.changes.at(-1), follower.failures]).toEqual([[[{ id: '91', text: 'x' }, { id: '91', text: 'z' }]], []]); // prettier-ignore
  },

  async 'a column that is added to a partitioned table is no loss, whichever order its partitions have them in'({ app, database }) {
    await app.run(PARTED);
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await app.run('CREATE TABLE high (gone text, text text, id integer PRIMARY KEY)');
    await app.run('ALTER TABLE high DROP COLUMN gone');
    await app.run('ALTER TABLE item ATTACH PARTITION high FOR VALUES FROM (10) TO (20)');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await app.run('BEGIN');
    await app.run(`INSERT INTO item VALUES (1, 'a'), (11, 'b')`);
    await app.run(`ALTER TABLE item ADD COLUMN more text DEFAULT 'm'`);
    await app.run(`UPDATE item SET text = text || text`);
    await app.run('COMMIT');
    await follower.settled();
    expect([follower.lost, follower.changes.flat().map(([, row]) => row?.['text'])]).toEqual([[], ['aa', 'bb']]);
  },

  async 'a generated column is no hindrance, stored or not'({ app, database, major }) {
    const kind = major >= 18 ? 'VIRTUAL' : 'STORED';
    await app.run(`CREATE TABLE item (id integer PRIMARY KEY, twice text GENERATED ALWAYS AS (text || text) ${kind}, text text,
      thrice text GENERATED ALWAYS AS (text || '3') STORED)`); // sql: one of two words
    const listed = bareModel('item', { id: 'integer', text: 'text', thrice: 'text' });
    await using follower = await Follower.of(database(), [bound(listed)]);
    await app.run(`INSERT INTO item (id, text) VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await follower.settled();
    expect(follower.changes.at(-1)).toEqual([[{ id: '1', text: 'a', thrice: 'a3' }, { id: '1', text: 'b', thrice: 'b3' }]]); // prettier-ignore
  },
};
