import { describe, expect, test } from 'vitest';
import { bindingFor } from '../../src/main/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { world } from '../support/world.ts';

// The app writes by itself, and says in its own transaction which client waits for it.

async function served(database: TestDatabase) {
  const values = bindingFor()(database.models.integerValue, { fields: ['name', 'value'], groupNames: () => ['all'] });
  const w = await world({ source: database.source, bindings: { values }, heartbeat: 86_400 });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  return w;
}

const NAME = 'a-page-of-ann';

describe.each(databases)('on $name', ({ open }) => {
  test('a receipt in the app’s transaction: every connection of that name sees it, in front of the commit, and no other does', async () => {
    await using database = await open();
    await using w = await served(database);
    const [one, two] = [await w.viewer('/', { hello: NAME }), await w.viewer('/', { hello: NAME })];
    const [other, nameless] = [await w.viewer('/', { hello: 'a-page-of-bob' }), await w.viewer('/')];
    await database.run('BEGIN');
    await w.live.receipt(database.own, `${NAME}.17`);
    await database.run("INSERT INTO integer_value (name, value) VALUES ('n', 1)");
    await database.run('COMMIT');
    for (const viewer of [one, two]) {
      const seen = await viewer.next('seen');
      const commit = await viewer.next('commit');
      expect(seen).toEqual({ type: 'seen', id: 17, position: commit.position });
    }
    for (const viewer of [other, nameless]) {
      await viewer.next('commit');
      expect(viewer.frames.filter(({ type }) => type === 'seen')).toEqual([]);
    }
  });

  test('who comes back under the name is told again, and nobody else is', async () => {
    await using database = await open();
    await using w = await served(database);
    const first = await w.viewer('/', { hello: NAME });
    for (const number of [17, 18]) {
      await database.run('BEGIN');
      await w.live.receipt(database.own, `${NAME}.${number}`);
      await database.run(`INSERT INTO integer_value (name, value) VALUES ('n${number}', 1)`);
      await database.run('COMMIT');
    }
    const [one, two] = [await first.next('seen'), await first.next('seen')];
    first.socket.terminate();
    const again = await w.viewer('/', { hello: NAME, attends: false });
    const other = await w.viewer('/', { hello: 'a-page-of-bob', attends: false });
    expect([await again.next('seen'), await again.next('seen')]).toEqual([one, two]);
    await other.next('welcome');
    await other.caughtUp();
    expect(other.frames.filter(({ type }) => type === 'seen')).toEqual([]);
  });

  test('a transaction that is undone is never seen; one that changes nothing brings the connection to its position', async () => {
    await using database = await open();
    await using w = await served(database);
    const viewer = await w.viewer('/', { hello: NAME });
    await database.run('BEGIN');
    await w.live.receipt(database.own, `${NAME}.1`);
    await database.run("INSERT INTO integer_value (name, value) VALUES ('n', 1)");
    await database.run('ROLLBACK');
    await database.run('BEGIN');
    await w.live.receipt(database.own, `${NAME}.2`);
    await database.run('COMMIT');
    const seen = await viewer.next('seen');
    expect(seen.id).toBe(2);
    const ping = await viewer.until((frame): frame is Extract<typeof frame, { type: 'ping' }> => frame.type === 'ping' && !frame.mark);
    expect(ping.position).toBe(seen.position);
    await w.live.settled();
    await viewer.caughtUp();
    expect(viewer.changes).toEqual([]);
    expect(viewer.frames.filter(({ type }) => type === 'seen')).toHaveLength(1);
  });

  test('what no client makes is no receipt', async () => {
    await using database = await open();
    await using w = await served(database);
    await database.run('BEGIN');
    const wrong = ['', 'x', NAME, ...['', '0', '-1', '1.2', '01', '1 ', '9007199254740992'].map((number) => `${NAME}.${number}`)];
    for (const id of [...wrong, 'short.1', `${NAME}!.1`, ` ${NAME}.1`, `${NAME}.1\n`, undefined as unknown as string])
      await expect((async () => w.live.receipt(database.own, id))()).rejects.toMatchObject({ code: 'receipt_invalid' });
    await database.run('ROLLBACK');
  });

  test('outside of a transaction, and in what is none, it is refused', async () => {
    await using database = await open();
    await using w = await served(database);
    for (const tx of [database.own, null, {}])
      await expect((async () => w.live.receipt(tx, `${NAME}.1`))()).rejects.toMatchObject({ code: 'receipt_invalid' });
  });
});
