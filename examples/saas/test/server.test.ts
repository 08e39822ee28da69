import { and, eq, sql } from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import type { Client } from 'rowcast/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LiveApp } from '../server/app.ts';
import * as authTables from '../server/schema-auth.ts';
import * as tables from '../server/schema.ts';
import { startWorld, type Who, type World } from './world.ts';

const { member, task } = tables;

let world: World;
let clients: { close(): void }[] = [];

beforeAll(async () => void (world = await startWorld()));
afterAll(() => world?.[Symbol.asyncDispose]());
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});

const PATIENCE = { timeout: 10_000 };

/** In this process, with every check of the socket. */
function as(who: Who) {
  const client = world.live.as(world.userOf(who));
  clients.push(client);
  return client;
}

/** As a page: over a socket, with the cookie of a session. */
async function over(who: Who, cookie?: string): Promise<Client<LiveApp>> {
  const client = world.over(cookie ?? (await world.signIn(who)));
  clients.push(client);
  return client;
}

/** A handle whose rows are there. */
async function ready<S extends { readonly status: string }>(stream: S): Promise<S> {
  await expect.poll(() => stream.status, PATIENCE).toBe('live');
  return stream;
}

const tasksOf = (who: Who, orgId: number) => ready(as(who).stream('tasks', { orgId }));
const peopleOf = (who: Who, orgId: number) => ready(as(who).stream('people', { orgId }));
const newTask = async (orgId: number, title: string): Promise<number> =>
  (await world.db.insert(task).values({ orgId, title }).returning())[0]?.id ?? 0;
const membership = (who: Who, orgId: number) => and(eq(member.userId, world.userOf(who).id), eq(member.orgId, orgId));

test('everybody has the organisations they are a member of, and can ask for nothing of another', async () => {
  const names = async (who: Who) => (await ready(as(who).stream('organisations'))).rows.map(({ slug }) => slug).toSorted();
  expect(await names('ada')).toEqual(['juniper']);
  expect(await names('bo')).toEqual(['harbour']);
  expect(await names('kim')).toEqual(['harbour', 'juniper']);
  for (const stream of ['tasks', 'trash', 'people'] as const) {
    const refused = as('bo').stream(stream, { orgId: world.juniper });
    await expect.poll(() => refused.status, PATIENCE).toBe('failed');
    expect(refused.rows).toEqual([]);
  }
});

test('of a row there are the fields of the binding, and no other', async () => {
  const tasks = await tasksOf('ada', world.juniper);
  expect(new Set(tasks.rows.flatMap((row) => Object.keys(row)))).toEqual(
    new Set(['id', 'orgId', 'title', 'notes', 'status', 'assigneeId']),
  );
});

test('another tenant never hears of a change, nor may make one: to them there is no such row', async () => {
  const [theirs, ours] = await Promise.all([tasksOf('bo', world.harbour), tasksOf('ada', world.juniper)]);
  const heard: unknown[] = [];
  theirs.on('change', (change) => heard.push(change));
  heard.length = 0;
  const id = await newTask(world.juniper, 'Nobody else’s');
  await expect.poll(() => ours.row(id)?.title, PATIENCE).toBe('Nobody else’s');
  await world.live.settled();
  expect(heard).toEqual([]);
  expect(await theirs.update(id, { title: 'Mine' })).toMatchObject({ ok: false, code: 'not_found' });
  expect(await theirs.delete(id)).toMatchObject({ ok: false, code: 'not_found' });
  expect(await (await over('bo')).call('assign', { id, to: null })).toMatchObject({ ok: false, code: 'forbidden' });
});

test('a viewer is refused; another role counts from the commit that gives it', async () => {
  const tasks = await tasksOf('kim', world.juniper);
  expect(await tasks.create({ title: 'From a viewer' })).toMatchObject({ ok: false, code: 'forbidden' });
  const people = await peopleOf('ada', world.juniper);
  const kim = people.rows.find(({ userId }) => userId === world.userOf('kim').id);
  expect(await people.update(kim?.id ?? 0, { role: 'editor' })).toMatchObject({ ok: true });
  expect(await tasks.create({ title: 'From an editor' })).toMatchObject({ ok: true });
  await world.db.update(member).set({ role: 'viewer' }).where(membership('kim', world.juniper)); // by whomever
  await world.live.settled();
  expect(await tasks.create({ title: 'Again' })).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await (await peopleOf('kim', world.juniper)).update(kim?.id ?? 0, { role: 'owner' })).toMatchObject({ code: 'forbidden' });
});

test('what a form sends is validated, field by field', async () => {
  const tasks = await tasksOf('ada', world.juniper);
  const refused = await tasks.create({ title: '   ', notes: 'x'.repeat(5_001) });
  expect(refused).toMatchObject({ ok: false, code: 'invalid', fields: { title: 'Give it a title.', notes: expect.any(String) } });
  expect(await tasks.create({ title: '  Trimmed  ' })).toMatchObject({ ok: true });
  expect(tasks.rows.at(-1)?.title).toBe('Trimmed');
});

test('a deleted task leaves every view for the trash, and comes back as it was', async () => {
  const tasks = await tasksOf('ada', world.juniper);
  const trash = await ready(as('kim').stream('trash', { orgId: world.juniper }));
  const id = await newTask(world.juniper, 'Not for long');
  await expect.poll(() => tasks.row(id)?.title, PATIENCE).toBe('Not for long');
  expect(await tasks.delete(id)).toMatchObject({ ok: true });
  expect(tasks.row(id)).toBeUndefined();
  await expect.poll(() => trash.row(id)?.deletedAt, PATIENCE).toBeInstanceOf(Date);
  expect(await trash.update(id, { deletedAt: null })).toMatchObject({ ok: false, code: 'forbidden' }); // a viewer
  const editor = await ready(as('ada').stream('trash', { orgId: world.juniper }));
  expect(await editor.update(id, { deletedAt: new Date() })).toMatchObject({ ok: false, code: 'invalid' });
  expect(await editor.delete(id)).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await editor.update(id, { deletedAt: null })).toMatchObject({ ok: true });
  await expect.poll(() => [trash.row(id), tasks.row(id)?.title], PATIENCE).toEqual([undefined, 'Not for long']);
});

test('a task is given to members only, and who leaves leaves their tasks', async () => {
  const tasks = await tasksOf('bo', world.harbour);
  const id = await newTask(world.harbour, 'To be given');
  const kim = world.userOf('kim').id;
  const bo = await over('bo');
  expect(await bo.call('assign', { id, to: world.userOf('ada').id })).toMatchObject({
    ok: false,
    code: 'invalid',
    fields: { to: 'is no member' },
  });
  expect(await bo.call('assign', { id, to: kim })).toEqual({ ok: true, value: null });
  await expect.poll(() => tasks.row(id)?.assigneeId, PATIENCE).toBe(kim);

  const hers = await tasksOf('kim', world.harbour);
  await world.db.delete(member).where(membership('kim', world.harbour));
  await expect.poll(() => tasks.row(id)?.assigneeId, PATIENCE).toBe(null); // a cascade is a change like any other
  await expect.poll(() => hers.rows, PATIENCE).toEqual([]);

  const kims = await ready(as('kim').stream('organisations'));
  expect(kims.rows.map(({ slug }) => slug)).toEqual(['juniper']);
  const invitation = { orgId: world.harbour, email: 'kim@example.com', role: 'editor' } as const;
  expect(await (await over('kim')).call('invite', invitation)).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await bo.call('invite', { ...invitation, email: 'no@example.com' })).toMatchObject({
    ok: false,
    fields: { email: expect.any(String) },
  });
  expect(await bo.call('invite', invitation)).toMatchObject({ ok: true, value: { id: expect.any(Number) } });
  await expect.poll(() => kims.rows.map(({ slug }) => slug).toSorted(), PATIENCE).toEqual(['harbour', 'juniper']);
});

test('an organisation keeps an owner, also when two of them leave at once', async () => {
  await world.db.update(member).set({ role: 'owner' }).where(membership('kim', world.harbour));
  const [bos, kims] = await Promise.all([peopleOf('bo', world.harbour), peopleOf('kim', world.harbour)]);
  const idOf = (who: Who) => bos.rows.find(({ userId }) => userId === world.userOf(who).id)?.id ?? 0;
  const answers = await Promise.all([bos.update(idOf('bo'), { role: 'viewer' }), kims.delete(idOf('kim'))]);
  expect(answers.map(({ ok }) => ok).toSorted()).toEqual([false, true]);
  expect(answers.find(({ ok }) => !ok)).toMatchObject({ code: 'conflict', message: 'An organisation keeps at least one owner.' });
});

test('the endpoint that was there takes part: what is shown for it goes at its own commit, not before and not after', async () => {
  const cookie = await world.signIn('ada');
  const tasks = await ready((await over('ada', cookie)).stream('tasks', { orgId: world.juniper }));
  const [id, other] = [await newTask(world.juniper, 'As it is'), await newTask(world.juniper, 'Another')];
  await expect.poll(() => tasks.row(other)?.status, PATIENCE).toBe('todo');
  const shown: unknown[] = [];
  tasks.on('current', () => shown.push(`${tasks.row(id)?.title}, ${tasks.row(id)?.status}`));
  const response = await tasks.optimistic(id, { title: 'As it is shown', status: 'done' }, (receipt) =>
    world.post(`/api/tasks/${id}/done`, cookie, { 'rowcast-receipt': receipt }),
  );
  expect(response.status).toBe(200);
  expect(await tasks.update(other, { notes: 'Later' })).toMatchObject({ ok: true }); // so that commit is here, too
  expect([...new Set(shown)]).toEqual(['As it is shown, done', 'As it is, done']);

  expect((await world.post(`/api/tasks/${id}/done`, '')).status).toBe(401);
  expect((await world.post(`/api/tasks/${id}/done`, await world.signIn('bo'))).status).toBe(404);
});

test('where WebSockets are blocked, the same comes over plain HTTP, to the same people', async () => {
  const url = `${world.origin}/live/?subscribe=${encodeURIComponent('[{"stream":"organisations"}]')}`;
  const listen = (cookie: string) => fetch(url, { headers: { cookie, origin: world.origin, accept: 'text/event-stream' } });
  const { body } = await listen(await world.signIn('bo'));
  let said = '';
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) if ((said += text).includes('Harbour Coffee')) break;
  expect(said).toContain('Harbour Coffee');
  expect(said).not.toContain('Juniper');
  expect((await listen('')).status).toBe(401);
});

test('signing out ends the live connection, and the cookie opens no other', async () => {
  const cookie = await world.signIn('ada');
  const client = await over('ada', cookie);
  const tasks = await ready(client.stream('tasks', { orgId: world.juniper }));
  const before = tasks.rows.length;
  expect((await world.post('/api/auth/sign-out', cookie)).status).toBe(200);
  await expect.poll(() => client.status, PATIENCE).toBe('signed-out');
  await newTask(world.juniper, 'Too late for her');
  await world.live.settled();
  expect(tasks.rows.length).toBe(before);
  const again = await over('ada', cookie);
  await expect.poll(() => again.status, PATIENCE).not.toBe('open');
});

test('tables.sql makes the columns that the code says, and those alone', async () => {
  const said = Object.values({ ...tables, ...authTables }).flatMap((table) => {
    const { name, columns } = getTableConfig(table);
    return columns.map((column) => `${name}.${column.name} ${column.getSQLType()}${column.notNull ? ' NOT NULL' : ''}`);
  });
  const { rows } = await world.db.execute<{ is: string }>(sql`
    SELECT table_name || '.' || column_name || ' ' || data_type || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END AS is
    FROM information_schema.columns WHERE table_schema = 'public'`);
  expect(said.toSorted()).toEqual(rows.map(({ is }) => is).toSorted());
});
