import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { bindingFor, consumer, plain, rowcast1, type ServerFrame, type Wire } from '../../src/main/index.ts';
import { models } from '../../test/support/databases.ts';
import { world } from '../../test/support/world.ts';
import { compact } from './compact.ts';
import { lines } from './lines.ts';

const binding = bindingFor<{ readonly id: string } | null>();
const intval = binding(models.integerValue, {
  fields: ['name', 'value'],
  groupNames: () => ['intval-updates'],
  hasPermission: (user) => user !== null,
});

async function served(wire: Wire<readonly string[]>) {
  const gone = Promise.withResolvers<number>();
  const w = await world({ bindings: { intval } });
  w.live.endpoint('/binding/', {
    consumers: { intval, watch: consumer({ disconnect: (_context, code) => gone.resolve(code) }) },
    connectionGroups: () => ['intval-updates'],
    authenticate: (request) => (request.headers.get('authorization') === 'Bearer secret' ? { id: 'ann' } : null),
    limits: { frameBytes: 1_000 },
  });
  const server = lines(w.live, wire).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  return {
    w,
    gone: gone.promise,
    async dial(greeting: string) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      const input = createInterface({ input: socket });
      const came = input[Symbol.asyncIterator]();
      socket.write(`${greeting}\n`);
      return {
        socket,
        say: (line: unknown) => socket.write(`${JSON.stringify(line)}\n`),
        line: async () => (await came.next()).value as string,
        frame: async () => JSON.parse((await came.next()).value as string) as ServerFrame,
      };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await w[Symbol.asyncDispose]();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a door of one’s own speaks rowcast.1 over lines of TCP, beside the WebSocket', async () => {
  await using s = await served(rowcast1(plain));
  const line = await s.dial('/binding/ secret');
  expect(await line.frame()).toMatchObject({ type: 'welcome', streams: { intval: { writable: ['name', 'value'] } } });
  line.say({ type: 'subscribe', id: 7, stream: 'intval' });
  expect(await line.frame()).toMatchObject({ type: 'subscribed', id: 7 });
  expect(await line.frame()).toMatchObject({ type: 'ready' });
  line.say({ type: 'write', id: 1, stream: 'intval', action: 'create', data: { name: 'n', value: 1 } });
  const result = await line.frame();
  expect(result).toMatchObject({ type: 'result', id: 1, ok: true, pk: 1 });
  expect(await line.frame()).toMatchObject({ type: 'commit', changes: [[1, 'create', 1, { name: 'n', value: 1 }]] });
  line.socket.write('nonsense\n');
  expect(await line.frame()).toMatchObject({ type: 'error', code: 'bad_frame' });
  line.say({ type: 'message', stream: 'watch', payload: 'x'.repeat(1_000) });
  expect(await line.frame()).toMatchObject({ type: 'error', code: 'too_large' });
  line.socket.end();
  expect(await s.gone).toBe(1000);
});

test('the endpoint’s own functions decide at that door, too', async () => {
  await using s = await served(rowcast1(plain));
  expect(await (await s.dial('/binding/ wrong')).line()).toBe('401 not signed in');
  expect(await (await s.dial('/elsewhere/ secret')).line()).toBe('404 no endpoint is here');
  expect(await (await s.dial('no path at all')).line()).toBe('404 no endpoint is here');
});

test('a server that goes down says so at that door, too', async () => {
  await using s = await served(rowcast1(plain));
  const line = await s.dial('/binding/ secret');
  await line.frame();
  await s.w.live.close();
  expect(await line.line()).toBe('4300 the server is going down');
});

test('a wire of one’s own carries the same changes in its own words', async () => {
  await using s = await served(compact(plain));
  const line = await s.dial('/binding/ secret');
  await line.frame();
  line.say({ type: 'subscribe', id: 7, stream: 'intval' });
  expect(await line.frame()).toMatchObject({ type: 'subscribed' });
  expect(await line.frame()).toMatchObject({ type: 'ready' });
  line.say([1, 'intval', 'create', null, { name: 'n', value: 1 }]);
  expect(await line.frame()).toMatchObject({ type: 'result', ok: true });
  expect(await line.frame()).toEqual(['+', 1, 1, { name: 'n', value: 1 }]);
  line.say([2, 'intval', 'update', 1, { value: 2 }]);
  await line.frame();
  expect(await line.frame()).toEqual(['~', 1, 1, { name: 'n', value: 2 }]);
  line.say([3, 'intval', 'delete', 1]);
  await line.frame();
  expect(await line.frame()).toEqual(['-', 1, 1]);
  line.say([4, 'intval', 'delete', 1, null, 'too many']);
  expect(await line.frame()).toMatchObject({ type: 'error', code: 'bad_frame' });
});

test.each(['lines.ts', 'compact.ts'])('the page shows %s as it stands', async (file) => {
  const [page, source] = await Promise.all(['../../docs/doors.md', file].map((path) => readFile(new URL(path, import.meta.url), 'utf8')));
  const shown = source?.slice(source.indexOf('\n') + 1).replaceAll("'../../src/main/index.ts'", "'rowcast'");
  expect(page).toContain(shown?.trim());
});
