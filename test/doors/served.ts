import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { createClient, type Client, type ClientOptions } from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, rowcast, type Log } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';

export interface Member {
  readonly id: string;
  readonly role?: string;
}

const integerValue = sqliteTable('integer_value', {
  id: integer('id').primaryKey(),
  name: text('name').notNull(),
  value: integer('value').notNull(),
  author: text('author'),
});

const QUIET: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Rowcast over rows in memory, with the seed's binding: writers are stamped, so that a test sees who the server takes them for. */
export async function seedExample() {
  const binding = bindingFor<Member | null>();
  const intval = binding(drizzle(integerValue), {
    fields: ['name', 'value', 'author'],
    writable: ['name', 'value'],
    groupNames: () => ['intval-updates'],
    hasPermission: (user) => user?.role !== 'guest',
    stamp: (user) => ({ author: user?.id ?? 'anonymous' }),
  });
  return rowcast({ source: memory(), bindings: { intval }, log: QUIET });
}

export async function listening(server: Server): Promise<number> {
  if (!server.listening) await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A client that comes back at once, over `ws` with these headers: what a script or another server would use. */
export function clientAt(url: string, headers: Readonly<Record<string, string>> = {}, options: ClientOptions = {}): Client {
  class Socket extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol, { headers });
    }
  }
  return createClient(url, { delay: () => 50, webSocket: Socket as unknown as NonNullable<ClientOptions['webSocket']>, ...options });
}

/** Writes a value over the client, and gives the row as it is in the database then. */
export async function roundTrip(client: Client, name: string): Promise<unknown> {
  const stream = client.stream('intval');
  if (stream.status !== 'live') await new Promise((resolve) => stream.on('ready', resolve));
  expect(await stream.create({ name, value: 7 })).toMatchObject({ ok: true });
  return stream.rows.find((row) => row['name'] === name);
}

/** What the server says to an upgrade: 101 and a welcome, or why not, as a status or a close code. */
export async function upgrade(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const socket = new WebSocket(url, 'rowcast.1', { headers });
  return new Promise((resolve, reject) => {
    socket.on('message', () => {
      socket.close();
      resolve(101);
    });
    socket.on('close', resolve);
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', reject);
  });
}
