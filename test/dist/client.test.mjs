// The built client and the built server on any Node that users may have: before 22 there is no WebSocket, so `ws`'s own is given to the client, or none.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { bigint, integer, pgTable, text } from 'drizzle-orm/pg-core';
import { bindingFor, rowcast } from 'rowcast';
import { createClient, memoryStorage } from 'rowcast/client';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { WebSocket } from 'ws';

const post = pgTable('post', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  title: text('title').notNull(),
  size: bigint('size', { mode: 'bigint' }).notNull(),
});
const posts = bindingFor()(drizzle(post), {
  fields: ['title', 'size'],
  groupNames: () => ['all'],
  hasPermission: (_user, _action, _pk, { data }) => data.title !== 'forbidden',
});
const BIG = 9_007_199_254_740_993n;

const own = globalThis.WebSocket;
let live;
let http;
let url;
const sockets = new Set();

beforeEach(async () => {
  live = await rowcast({ source: memory(), bindings: { posts }, log: { info() {}, warn() {}, error() {} } });
  live.endpoint('/binding/', { connectionGroups: () => ['all'] });
  http = createServer((request, response) => live.handle(request, response) || response.end());
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  live.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `http://127.0.0.1:${http.address().port}/binding/`;
  await live.publish(posts, [{ before: null, after: { id: 1_000, title: 'there before', size: BIG } }]);
});
afterEach(async () => {
  globalThis.WebSocket = own;
  await live.close();
  cut();
  http.close();
});

const cut = () => sockets.forEach((socket) => socket.destroy());
/** Resolves when the stream is, or the client says so. */
const becomes = async (stream, status) => {
  while (stream.status !== status) await new Promise((resolve) => stream.on('current', resolve));
};
const titles = (stream) => stream.rows.map(({ title }) => title);

const ways = [
  ['ws', () => ({ webSocket: WebSocket })],
  ['its own WebSocket', () => ({}), own ? false : 'there is none on this Node'],
  ['events, without a WebSocket', () => ((globalThis.WebSocket = undefined), {})],
];

for (const [name, optionsOf, skip = false] of ways) {
  test(
    `Node ${process.versions.node}, by ${name}: rows, own writes, a connection that is lost, and what comes after it`,
    { skip },
    async () => {
      const client = createClient(url, { delay: () => 1, ...optionsOf() });
      const stream = client.stream('posts');
      await becomes(stream, 'live');
      assert.deepEqual(stream.rows, [{ id: 1_000, title: 'there before', size: BIG }]);

      const answer = stream.create({ title: 'mine', size: BIG });
      assert.deepEqual(titles(stream), ['there before', 'mine']);
      const { ok, pk } = await answer;
      assert.equal(ok, true);
      assert.deepEqual(stream.row(pk), { id: pk, title: 'mine', size: BIG });
      assert.equal((await stream.update(pk, { title: 'forbidden' })).code, 'forbidden');
      assert.deepEqual(titles(stream), ['there before', 'mine']);

      const lost = stream.update(pk, { title: 'over a lost connection' });
      cut();
      assert.deepEqual(await lost, { ok: true, pk });
      assert.deepEqual(titles(stream), ['there before', 'over a lost connection']);
      await becomes(stream, 'live');
      const told = new Promise((resolve) => stream.on('create', resolve));
      await live.publish(posts, [{ before: null, after: { id: 2_000, title: 'after it', size: 1n } }]);
      assert.deepEqual((await told).data, { id: 2_000, title: 'after it', size: 1n });
      client.close();
    },
  );
}

test(`Node ${process.versions.node}: what is written without a connection is kept for the next client, which sends it once`, async () => {
  const keep = { in: memoryStorage(), user: 'ann', rows: true };
  const away = createClient(url, { webSocket: WebSocket, delay: () => 3_600_000, fallback: null, keep });
  await becomes(away.stream('posts'), 'live');
  cut();
  const offline = away.stream('posts');
  await becomes(offline, 'offline');
  void offline.create({ title: 'made', size: 1n }, { pk: 'by name' });
  void offline.update('by name', { title: 'made and changed' });
  away.close();
  const next = createClient(url, { webSocket: WebSocket, keep });
  const stream = next.stream('posts');
  await becomes(stream, 'live');
  while (next.pending.length > 0) await new Promise((resolve) => next.on('pending', resolve));
  assert.equal((await stream.update(1_000, { title: 'behind it' })).ok, true);
  assert.deepEqual(titles(stream), ['behind it', 'made and changed']);
  next.close();
});
