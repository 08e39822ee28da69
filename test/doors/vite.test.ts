import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createServer } from 'vite';
import { WebSocket } from 'ws';
import { clientAt, listening, roundTrip, seedExample } from './served.ts';

test("beside Vite's own socket: both are served by one dev server, whichever connects first", async () => {
  const root = await mkdtemp(join(tmpdir(), 'rowcast-vite-'));
  await writeFile(join(root, 'index.html'), '<!doctype html><title>a page</title>');
  const vite = await createServer({ root, configFile: false, logLevel: 'silent', server: { port: 0, host: '127.0.0.1' } });
  const live = await seedExample();
  live.endpoint('/binding/', { connectionGroups: () => ['intval-updates'] });
  live.attach(vite.httpServer as Server);
  await vite.listen();
  const host = `127.0.0.1:${await listening(vite.httpServer as Server)}`;
  const client = clientAt(`ws://${host}/binding/`);
  try {
    const before = await hotSocket(host);
    expect(before.first).toEqual({ type: 'connected' });
    expect(await roundTrip(client, 'one')).toMatchObject({ name: 'one' });
    const reload = before.next();
    vite.ws.send({ type: 'full-reload' });
    expect(await reload).toEqual({ type: 'full-reload' });
    const after = await hotSocket(host);
    expect(after.first).toEqual({ type: 'connected' });
    before.close();
    after.close();
  } finally {
    client.close();
    await live.close();
    await vite.close();
    await rm(root, { recursive: true, force: true });
  }
});

/** Connects as Vite's own client does: with its subprotocol, and the token that only a page of this server can read. */
async function hotSocket(host: string) {
  const script = await (await fetch(`http://${host}/@vite/client`)).text();
  const token = /wsToken = "([^"]+)"/.exec(script)?.[1] ?? '';
  const socket = new WebSocket(`ws://${host}/?token=${token}`, 'vite-hmr', { origin: `http://${host}` });
  const next = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      socket.once('message', (data) => resolve(JSON.parse(String(data))));
      socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
      socket.once('error', reject);
    });
  const first: unknown = await next();
  return { first, next, close: () => socket.terminate() };
}
