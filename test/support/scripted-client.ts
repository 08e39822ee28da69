import { afterEach, beforeEach } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { createClient, type Client, type ClientOptions } from '../../src/client/index.ts';
import type { AnyStream, BindingStream, ConsumerStream } from '../../src/client/types.ts';
import type { RowsFrame, StreamInfo, WireChange } from '../../src/protocol/index.ts';
import { ScriptedServer, type Peer } from './scripted-server.ts';

/** One scripted server for each test of a file, and clients of it: what both leave behind is closed. */
export function scripted(): { readonly server: ScriptedServer; connect(options?: ClientOptions): Client } {
  let server: ScriptedServer;
  const clients: Client[] = [];
  beforeEach(async () => {
    server = await ScriptedServer.open();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server[Symbol.asyncDispose]();
  });
  return {
    get server() {
      return server;
    },
    connect(options = {}) {
      const client = createClient(server.url, { delay: () => 1, linger: 0, webSocket: Ws, ...options });
      clients.push(client);
      return client;
    },
  };
}

export const STREAMS: Readonly<Record<string, StreamInfo | null>> = {
  posts: {
    view: 1,
    key: [],
    fields: { title: ['text', 'string'], size: ['bigint', 'bigint'], at: ['timestamptz', 'date'], raw: ['bytes', 'bytes'] },
    writable: ['title'],
  },
  intval: { view: 2, key: [], fields: { name: ['text', 'string'], value: ['int', 'number'] }, writable: ['name', 'value'] },
  chat: null,
};
export const AT = '0000000000000007';

type Handle = BindingStream<AnyStream> & ConsumerStream;
const EVENTS = ['create', 'update', 'delete', 'change', 'commit', 'reset', 'ready', 'progress', 'status', 'error', 'message'] as const;

/** Everything a handle tells, in order. */
export function record(stream: Handle, log: unknown[][] = [], name?: string): unknown[][] {
  for (const event of EVENTS) stream.on(event, (value) => log.push(name === undefined ? [event, value] : [name, event, value]));
  return log;
}

export const commit = (peer: Peer, ...changes: readonly WireChange[]): void => peer.say({ type: 'commit', position: AT, changes });
/** The answer to a `subscribe` whose view has these rows. */
export function loaded(peer: Peer, id: number, view: number, rows: RowsFrame['rows'] = []): void {
  peer.say({ type: 'subscribed', id, view });
  if (rows.length > 0) peer.say({ type: 'rows', view, rows, count: rows.length, total: rows.length });
  peer.say({ type: 'ready', view, position: AT, token: `of ${view}` });
}
/** Past everything that was said until now, both ways. */
export const settled = (peer: Peer): Promise<readonly unknown[]> => peer.rest();
export const ofType = (log: readonly unknown[][], ...events: readonly string[]): unknown[][] =>
  log.filter(([event]) => events.includes(event as string));
