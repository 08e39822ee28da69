import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ScriptedServer } from '../../test/support/scripted-server.ts';
import type { WriteFrame } from './index.ts';

interface Example {
  connect(
    url: string,
    stream: string,
    changed: (change: unknown) => void,
  ): {
    create(data: object): Promise<object>;
    update(pk: unknown, data: object): Promise<object>;
    remove(pk: unknown): Promise<object>;
    close(): void;
  };
}

const page = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
const code = /## A client in forty lines[\s\S]*?```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
const example = async (): Promise<Example> =>
  (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as Example;

const INFO = {
  view: 2,
  key: [['id', ['int', 'number']]],
  fields: { name: ['text', 'string'], value: ['int', 'number'] },
  writable: ['name', 'value'],
} as const;
const AT = '0000000000000007';

test("the page's own client is about forty lines", () => {
  expect(code.trim().split('\n').length).toBeGreaterThan(30);
  expect(code.trim().split('\n').length).toBeLessThan(50);
});

test("the page's own client follows a stream, writes, and asks again when it lost the answer", async () => {
  await using server = await ScriptedServer.open();
  const changes: unknown[] = [];
  const intval = (await example()).connect(server.url, 'intval', (change) => changes.push(change));
  const first = await server.welcomed({ intval: INFO, chat: null }, true);
  expect(first.protocol).toBe('rowcast.1');
  expect(await first.frame()).toEqual({ type: 'subscribe', id: 1, stream: 'intval' });
  await first.rest();

  const created = intval.create({ name: 'n', value: 1 });
  expect(await first.frame()).toEqual({ type: 'write', id: 2, stream: 'intval', action: 'create', data: { name: 'n', value: 1 } });
  first.say(
    { type: 'ping' },
    { type: 'rows', view: 2, rows: [[8, { name: 'm', value: 0 }]], count: 1, total: 1 },
    { type: 'ready', view: 2, position: AT, token: 't' },
    { type: 'result', id: 2, ok: true, pk: 9, position: AT },
    {
      type: 'commit',
      position: AT,
      changes: [
        [2, 'create', 9, { name: 'n', value: 1 }],
        [3, 'create', 9, {}],
        [2, 'delete', 8],
      ],
    },
  );
  expect(await created).toMatchObject({ ok: true, pk: 9 });
  await first.rest();
  expect(changes).toEqual([
    { action: 'create', pk: 8, data: { name: 'm', value: 0 } },
    { action: 'create', pk: 9, data: { name: 'n', value: 1 } },
    { action: 'delete', pk: 8, data: undefined },
  ]);

  const updated = intval.update(9, { value: 2 });
  const asked = (await first.frame()) as WriteFrame;
  first.cut();
  const second = await server.welcomed({ intval: INFO }, true);
  expect(second.client).toBe(first.client);
  expect(await second.frame()).toMatchObject({ type: 'subscribe', stream: 'intval' });
  expect(await second.frame()).toEqual(asked);
  second.say({ type: 'result', id: asked.id, ok: false, code: 'forbidden', message: 'no' });
  expect(await updated).toMatchObject({ ok: false, code: 'forbidden' });

  void intval.remove(9);
  expect(await second.frame()).toMatchObject({ action: 'delete', pk: 9 });
  intval.close();
  await second.closed;
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  expect(server.count).toBe(2);
});
