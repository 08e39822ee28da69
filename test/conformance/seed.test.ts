import { describe, expect, test } from 'vitest';
import { bindingFor, type Bindings } from '../../src/main/index.ts';
import { databases, models, type Models, type TestDatabase } from '../support/databases.ts';
import { actions, told } from '../support/seed-wire.ts';
import { world, type World } from '../support/world.ts';

// What the original's own tests of bindings checked, held on every database. Commits are made by raw SQL where no client makes them: a
// binding does not ask who wrote.

const binding = bindingFor<null>();

async function on<B extends Bindings>(database: TestDatabase, bindings: B, groups: readonly string[] = []): Promise<World<B>> {
  const w = await world({ source: database.source, bindings });
  w.live.endpoint('/', { connectionGroups: () => groups });
  return w;
}

const users = ({ user }: Models, fields: readonly ('username' | 'email' | 'password' | 'lastName')[]) =>
  binding(user, { fields, writable: ['username'], groupNames: () => ['users'], hasPermission: () => true });

describe.each(databases)('on $name', ({ open }) => {
  test('a created row is one create with the model, the key and the whitelisted fields, and nothing more', async () => {
    await using database = await open();
    await using w = await on(database, { test: users(database.models, ['username', 'email', 'password', 'lastName']) }, ['users']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run("INSERT INTO auth_user (username, email) VALUES ('test', 'test@test.com')");
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer)).toEqual([
      {
        stream: 'test',
        payload: {
          action: 'create',
          pk: 1,
          data: { username: 'test', email: 'test@test.com', password: '', lastName: '' },
          model: 'auth.user',
        },
      },
    ]);
  });

  test('a UUID key goes out as its string', async () => {
    await using database = await open();
    const things = binding(database.models.thing, { fields: ['name'], groupNames: () => ['things'] });
    await using w = await on(database, { things }, ['things']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run("INSERT INTO thing (id, name) VALUES ('0b0d5f0e-3c1a-4f6e-9a55-6a1f6ad0c6b1', 'testname')");
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer)).toMatchObject([
      { payload: { action: 'create', pk: '0b0d5f0e-3c1a-4f6e-9a55-6a1f6ad0c6b1', data: { name: 'testname' } } },
    ]);
  });

  test('exclude gives everything but what it names', async () => {
    await using database = await open();
    const excluding = binding(database.models.user, { exclude: ['firstName', 'lastName'], groupNames: () => ['users'] });
    await using w = await on(database, { excluding }, ['users']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run("INSERT INTO auth_user (username, first_name) VALUES ('test', 'canary-excluded')");
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer)[0]?.payload.data).toEqual({ id: 1, username: 'test', email: '', password: '', isSuperuser: false });
    expect(viewer.saw('canary-excluded')).toBe(false);
  });

  test.each(['__all__', ['__all__']] as const)('fields %j: one update has them all', async (all) => {
    await using database = await open();
    const every = binding(database.models.integerValue, { fields: all as '__all__', groupNames: () => ['values'] });
    await database.run("INSERT INTO integer_value (name, value) VALUES ('n', 1)");
    await using w = await on(database, { every }, ['values']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run('UPDATE integer_value SET value = 2');
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer)).toMatchObject([{ payload: { action: 'update', pk: 1, data: { id: 1, name: 'n', value: 2 } } }]);
  });

  test('a deleted row is one delete with its key and the fields it had', async () => {
    await using database = await open();
    await database.run("INSERT INTO auth_user (username, email) VALUES ('test', 'canary@unlisted')");
    await using w = await on(database, { test: users(database.models, ['username']) }, ['users']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run('DELETE FROM auth_user');
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer)).toEqual([
      { stream: 'test', payload: { action: 'delete', pk: 1, data: { username: 'test' }, model: 'auth.user' } },
    ]);
  });

  test('an inbound create makes one row, and who is not in its group hears nothing', async () => {
    await using database = await open();
    await using w = await on(database, { users: users(database.models, ['username']) });
    const viewer = await w.viewer('/', { protocol: null });
    viewer.send({ stream: 'users', payload: { action: 'create', data: { username: 'test_inbound' } } });
    viewer.send({ stream: 'users', payload: { action: 'nonsense' } });
    await w.notes.holds('"action" is one of');
    await w.live.settled();
    await viewer.caughtUp();
    expect(await database.all('SELECT username, email FROM auth_user')).toEqual([{ username: 'test_inbound', email: '' }]);
    expect(viewer.texts).toEqual([]);
  });

  test('an inbound update changes what is writable, refuses the whole of one that is not, and the sender hears nothing', async () => {
    await using database = await open();
    await database.run("INSERT INTO auth_user (username, email) VALUES ('before', 'old@mail')");
    await using w = await on(database, { users: users(database.models, ['username', 'email']) });
    const viewer = await w.viewer('/', { protocol: null });
    viewer.send({ stream: 'users', payload: { action: 'update', pk: 1, data: { username: 'after' } } });
    viewer.send({ stream: 'users', payload: { action: 'update', pk: 1, data: { email: 'new@mail' } } });
    viewer.send({ stream: 'users', payload: { action: 'update', pk: 1, data: { username: 'both', email: 'new@mail' } } });
    await w.notes.holds('unknown_field', 2);
    await viewer.caughtUp();
    expect(await database.all('SELECT username, email FROM auth_user')).toEqual([{ username: 'after', email: 'old@mail' }]);
    expect(viewer.texts).toEqual([]);
  });

  test('an inbound delete removes the row, one of a missing row removes nothing, and the sender hears nothing', async () => {
    await using database = await open();
    await database.run("INSERT INTO auth_user (username) VALUES ('a'), ('b')");
    await using w = await on(database, { users: users(database.models, ['username']) });
    const viewer = await w.viewer('/', { protocol: null });
    viewer.send({ stream: 'users', payload: { action: 'delete', pk: 1 } });
    viewer.send({ stream: 'users', payload: { action: 'delete', pk: 99 } });
    await w.notes.holds('not_found');
    await viewer.caughtUp();
    expect(await database.all('SELECT username FROM auth_user')).toEqual([{ username: 'b' }]);
    expect(viewer.texts).toEqual([]);
  });

  test('an inbound create with a field outside writable is refused whole', async () => {
    await using database = await open();
    await using w = await on(database, { users: users(database.models, ['username']) }, ['users']);
    const viewer = await w.viewer('/', { protocol: null });
    viewer.send({ stream: 'users', payload: { action: 'create', data: { username: 'u', isSuperuser: true } } });
    await w.notes.holds('unknown_field');
    expect(await database.all('SELECT * FROM auth_user')).toEqual([]);
  });

  test('an inbound create with a key of its own gets the database’s', async () => {
    await using database = await open();
    await using w = await on(database, { users: users(database.models, ['username']) }, ['users']);
    const viewer = await w.viewer('/', { protocol: null });
    viewer.send({ stream: 'users', payload: { action: 'create', pk: 4711, data: { username: 'u' } } });
    while (viewer.texts.length === 0) await viewer.caughtUp();
    expect(told(viewer)).toMatchObject([{ payload: { action: 'create', pk: 1 } }]);
  });

  test('a create whose unique value exists is refused, and the row that has it stays', async () => {
    await using database = await open();
    await database.run("INSERT INTO auth_user (username, email) VALUES ('taken', 'mine@mail')");
    await using w = await on(database, { users: users(database.models, ['username']) }, ['users']);
    const viewer = await w.viewer('/');
    expect(await viewer.write('users', 'create', { data: { username: 'taken' } })).toMatchObject({
      ok: false,
      code: 'invalid',
      fields: { username: expect.any(String) },
    });
    expect(await database.all('SELECT username, email FROM auth_user')).toEqual([{ username: 'taken', email: 'mine@mail' }]);
  });

  test('several bindings of one model each tell their own stream, once', async () => {
    await using database = await open();
    const names = users(database.models, ['username']);
    const mails = binding(database.models.user, { fields: ['email'], groupNames: () => ['users'] });
    await using w = await on(database, { names, mails }, ['users']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run("INSERT INTO auth_user (username, email) VALUES ('n', 'm')");
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer).map(({ stream, payload }) => [stream, payload.data])).toEqual([
      ['names', { username: 'n' }],
      ['mails', { email: 'm' }],
    ]);
  });

  test('one statement over many rows is one message for each', async () => {
    await using database = await open();
    await database.run("INSERT INTO integer_value (name, value) VALUES ('a', 1), ('b', 2), ('c', 3)");
    const values = binding(database.models.integerValue, { fields: ['value'], groupNames: () => ['values'] });
    await using w = await on(database, { values }, ['values']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run('UPDATE integer_value SET value = value * 10');
    await w.live.settled(); // a source may give several whole transactions as one commit
    await database.run('DELETE FROM integer_value WHERE value > 10');
    await w.live.settled();
    await viewer.caughtUp();
    expect(actions(viewer)).toEqual(['update', 'update', 'update', 'delete', 'delete']);
  });

  test('a cascade deletes what it deletes, each with the fields it had', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (title) VALUES ('p'); INSERT INTO label (post_id, name) VALUES (1, 'x'), (1, 'y')");
    const labels = binding(database.models.label, { fields: ['name'], groupNames: () => ['labels'] });
    await using w = await on(database, { labels }, ['labels']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run('DELETE FROM post');
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer).map(({ payload }) => [payload.action, payload.data.name])).toEqual([
      ['delete', 'x'],
      ['delete', 'y'],
    ]);
  });

  test('rows that stand in for a many-to-many relation are rows like any', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (title) VALUES ('p')");
    const labels = binding(database.models.label, { fields: ['postId', 'name'], groupNames: ({ postId }) => [`post-${postId}`] });
    await using w = await on(database, { labels }, ['post-1']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run("INSERT INTO label (post_id, name) VALUES (1, 'x')");
    await w.live.settled();
    await database.run('DELETE FROM label');
    await w.live.settled();
    await viewer.caughtUp();
    expect(actions(viewer)).toEqual(['create', 'delete']);
  });

  test('an update that changes nothing a viewer has is an update with the whole row, or nothing; never a create', async () => {
    await using database = await open();
    await database.run("INSERT INTO integer_value (name, value) VALUES ('a', 1)");
    const values = binding(database.models.integerValue, { fields: ['value'], groupNames: () => ['values'] });
    await using w = await on(database, { values }, ['values']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run("UPDATE integer_value SET name = 'b'");
    await w.live.settled();
    await viewer.caughtUp();
    expect(actions(viewer).filter((action) => action !== 'update')).toEqual([]);
  });

  test('a changed key is a delete of the old one and a create of the new one', async () => {
    await using database = await open();
    await database.run("INSERT INTO integer_value (id, name, value) VALUES (1, 'a', 1)");
    const values = binding(database.models.integerValue, { fields: ['value'], groupNames: () => ['values'] });
    await using w = await on(database, { values }, ['values']);
    const viewer = await w.viewer('/', { protocol: null });
    await database.run('UPDATE integer_value SET id = 2');
    await w.live.settled();
    await viewer.caughtUp();
    expect(told(viewer).map(({ payload }) => [payload.action, payload.pk])).toEqual([
      ['delete', 1],
      ['create', 2],
    ]);
  });
});

test('a binding with neither fields nor exclude is refused where it is declared, and the message names the cure', () => {
  expect(() => binding(models.post, { groupNames: () => [] } as never)).toThrow(/set `fields`/);
});
