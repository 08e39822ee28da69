import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { resting } from '../load/resting.ts';
import { answer } from '../process.ts';

// Rooms, one group a room, that clients ask for; or that they are put into, each into so many of its own.

const hot = sqliteTable('hot', { id: integer().primaryKey(), room: integer(), body: text() });
const binding = bindingFor()(drizzle(hot), { fields: ['id', 'body'], groupNames: groupBy('room'), canSubscribe: () => true });
const live = await rowcast({ source: memory(), bindings: { hot: binding } });
let each = 0;
let rooms = 0;
live.endpoint('/', { connectionGroups: () => Array.from({ length: each }, () => binding.group({ room: rooms++ })) });
const http = createServer();
live.attach(http);

answer({
  listen: () => new Promise((resolve) => http.listen({ port: 0, host: '127.0.0.1' }, () => resolve((http.address() as AddressInfo).port))),
  memory: resting,
  /** Whoever comes from now on is put into so many rooms. */
  put: (into: { each: number }) => void (each = into.each),
});
