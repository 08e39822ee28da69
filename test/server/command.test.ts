import { sql, type SQL } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bindingFor, command, commandFor, consumer } from '../../src/main/index.ts';
import { databases, models } from '../support/databases.ts';
import { world } from '../support/world.ts';

interface Tx {
  execute(query: SQL): Promise<unknown>;
  run(query: SQL): unknown;
}
const INSERT = sql`INSERT INTO integer_value (name, value) VALUES ('n', 1)`;

const all = { fields: ['name'], groupNames: () => ['all'], hasPermission: () => true } as const;

describe.each(databases)('on $name', ({ open, name }) => {
  const onPostgres = name === 'Postgres';

  test('a `run` or a hook that never ends is undone, answered `internal`, and its transaction is of no use to it any more', async () => {
    await using database = await open();
    let left: Promise<unknown> | undefined;
    const forever = async (tx: Tx): Promise<never> => {
      await tx.execute(INSERT);
      await new Promise((resolve) => setTimeout(resolve, 200)); // four times what it may take
      left = tx.execute(INSERT).catch((error: unknown) => error);
      return new Promise<never>(() => undefined);
    };
    const values = bindingFor<null, Tx>()(database.models.integerValue, { ...all, create: ({ tx }) => forever(tx) });
    const stuck = commandFor<null, Tx>()({ input: z.null(), allow: () => true, run: forever });
    await using w = await world({ source: database.source, bindings: { values } });
    w.live.endpoint('/', { consumers: { values, stuck }, connectionGroups: () => ['all'], limits: { hookMs: 50 } });
    const viewer = await w.viewer('/');
    for (const [id, frame] of [
      { type: 'call', stream: 'stuck', input: null },
      { type: 'write', stream: 'values', action: 'create', data: { name: 'x' } },
    ].entries()) {
      viewer.send({ id: id + 1, ...frame });
      expect(await viewer.answer(id + 1)).toMatchObject({ ok: false, code: 'internal' });
      // On SQLite what waits cannot be in a transaction at all: it is refused at once.
      if (onPostgres) {
        await expect.poll(() => left).toBeDefined();
        expect(await left).toBeInstanceOf(Error);
        left = undefined;
      }
    }
    expect(await database.all('SELECT * FROM integer_value')).toEqual([]);
    const logged = w.notes.lines.map(({ about, message }) => `${message} ${String(about['err'])}`);
    expect(logged.filter((line) => line.includes(onPostgres ? 'within 50 ms' : 'synchronous'))).toHaveLength(2);
  });

  test('an `allow` that never answers is a no', async () => {
    await using database = await open();
    const values = bindingFor()(database.models.integerValue, all);
    const never = command({ input: z.null(), allow: () => new Promise<never>(() => undefined), run: () => 1 });
    await using w = await world({ source: database.source, bindings: { values } });
    w.live.endpoint('/', { consumers: { never }, limits: { hookMs: 50 } });
    const viewer = await w.viewer('/');
    viewer.send({ type: 'call', id: 1, stream: 'never', input: null });
    expect(await viewer.answer(1)).toMatchObject({ ok: false, code: 'forbidden' });
  });
});

test('on the seed’s wire a command takes nothing: it is refused in the log', async () => {
  let ran = 0;
  const values = bindingFor()(models.integerValue, all);
  const count = command({ input: z.unknown(), allow: () => true, run: () => ++ran });
  await using w = await world({ bindings: { values } });
  w.live.endpoint('/', { consumers: { count, chat: consumer({ receive: (content, { reply }) => reply(content) }) } });
  const viewer = await w.viewer('/', { protocol: null });
  viewer.send({ stream: 'count', payload: { action: 'create', data: {} } });
  viewer.send({ stream: 'count', payload: 1 });
  viewer.send({ stream: 'chat', payload: 'after' });
  await expect.poll(() => viewer.texts).toEqual(['{"stream":"chat","payload":"after"}']);
  expect([ran, w.notes.count('it is a command')]).toEqual([0, 2]);
});

test.each([
  [{}, /`input`/],
  [{ input: { parse: () => 1 }, run: () => 1 }, /Standard Schema/],
  [{ input: z.null() }, /`run\(tx, input/],
])('a command that is none is refused, with the cure: %#', (options, cure) => {
  expect(() => command(options as never)).toThrow(cure);
  expect(() => command(options as never)).toThrow(expect.objectContaining({ code: 'command_invalid' }));
});

test('a command under the name of a binding is refused', async () => {
  const values = bindingFor()(models.integerValue, all);
  await using w = await world({ bindings: { values } });
  const taken = command({ input: z.null(), run: () => 1 });
  expect(() => w.live.endpoint('/', { consumers: { values: taken } })).toThrow(
    /"values" is the name of a binding; give the command another/,
  );
});

test('in process, an endpoint’s commands and consumers are there as on its path', async () => {
  const values = bindingFor<{ readonly id: string }>()(models.integerValue, all);
  const greet = commandFor<{ readonly id: string }>()({
    input: z.object({ name: z.string().min(2, 'is too short') }),
    allow: ({ id }) => id === 'ann',
    run: (_tx, { name }, { user }) => `${user.id} greets ${name}`,
  });
  await using w = await world({ bindings: { values } });
  const app = w.live.endpoint('/', { consumers: { greet }, authenticate: () => null });
  const [ann, bob] = [w.live.as({ id: 'ann' }, { endpoint: app }), w.live.as({ id: 'bob' }, { endpoint: app })];
  expect(await ann.call('greet', { name: 'bob' })).toEqual({ ok: true, value: 'ann greets bob' });
  expect(await ann.call('greet', { name: 'b' })).toMatchObject({ ok: false, code: 'invalid', fields: { name: 'is too short' } });
  expect(await bob.call('greet', { name: 'ann' })).toMatchObject({ ok: false, code: 'forbidden' });
});
