// The built client on any Node that users may have: before 22 there is no WebSocket, and `ws`'s own is given to it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createClient } from 'rowcast/client';
import { WebSocket, WebSocketServer } from 'ws';

const WELCOME = {
  type: 'welcome',
  session: 's',
  epoch: '1',
  position: '0000000000000001',
  heartbeat: 20,
  streams: { posts: { view: 1, key: ['id'], fields: { size: ['bigint', 'bigint'], at: ['timestamptz', 'date'] }, writable: ['size'] } },
};

for (const webSocket of new Set([WebSocket, globalThis.WebSocket ?? WebSocket])) {
  const name = webSocket === WebSocket ? 'ws' : 'its own WebSocket';
  test(`Node ${process.versions.node} follows a stream by ${name}, goes on over a lost connection, and writes once`, async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const sent = [];
    server.on('connection', (socket) => {
      socket.send(JSON.stringify(WELCOME));
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data));
        sent.push(frame);
        if (frame.type === 'subscribe') {
          const { id, at } = frame;
          socket.send(JSON.stringify({ type: 'subscribed', id, view: 1 }));
          if (!at) socket.send(JSON.stringify({ type: 'rows', view: 1, rows: [[3, { size: '3', at: null }]], count: 1, total: 1 }));
          socket.send(JSON.stringify({ type: 'ready', view: 1, position: '0000000000000001', token: 'token' }));
        }
        if (frame.type !== 'write') return;
        if (sent.filter(({ type }) => type === 'write').length === 1) return socket.terminate();
        socket.send(JSON.stringify({ type: 'result', id: frame.id, ok: true, pk: 7, position: '0000000000000002' }));
        socket.send(
          JSON.stringify({
            type: 'commit',
            position: '0000000000000002',
            changes: [[1, 'create', 7, { size: frame.data.size, at: '2026-11-23T12:34:56.789012Z' }]],
          }),
        );
      });
    });
    const client = createClient(`http://127.0.0.1:${server.address().port}/`, { webSocket, delay: () => 1 });
    const posts = client.stream('posts');
    await new Promise((resolve) => posts.on('ready', resolve));
    const created = new Promise((resolve) => posts.on('create', resolve));
    assert.deepEqual(await posts.create({ size: 9_007_199_254_740_993n }), { ok: true, pk: 7 });
    const { pk, data } = await created;
    assert.equal(pk, 7);
    assert.deepEqual(data, { size: 9_007_199_254_740_993n, at: new Date('2026-11-23T12:34:56.789Z') });
    assert.deepEqual(posts.rows, [{ size: 3n, at: null }, data]);
    assert.deepEqual(
      sent.map(({ type, id, at }) => [type, id, at]),
      [
        ['hello', undefined, undefined],
        ['subscribe', 1, undefined],
        ['write', 2, undefined],
        ['hello', undefined, undefined],
        ['subscribe', 3, '0000000000000001'],
        ['write', 2, undefined],
      ],
    );
    assert.equal(sent[0].client, sent[3].client);
    client.close();
    server.close();
    await once(server, 'close');
  });
}
