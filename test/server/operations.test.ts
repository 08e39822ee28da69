import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { bindingFor, groupBy, probes } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world } from '../support/world.ts';

const binding = bindingFor<{ readonly id: string } | null>();
const posts = binding(models.post, {
  fields: ['blogId', 'title'],
  groupNames: groupBy('blogId'),
  canSubscribe: () => true,
  hasPermission: (_user, action) => action !== 'delete',
});
const row = (id: number, title = 't') => ({ id, blogId: 1, title, body: '', published: true, owner: null, secret: 'canary' });

interface Parsed {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: ReadonlyMap<string, number>;
}

/** The grammar of the text format, as its specification has it; throws at a line that is not in it. */
function parsed(text: string): Parsed {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  const helped = new Set<string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) .+$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    if (help) helped.add(help[1] as string);
    else if (type) {
      expect(types.has(type[1] as string)).toBe(false);
      types.set(type[1] as string, type[2] as string);
    } else {
      const sample =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\})?) (\S+)$/.exec(
          line,
        );
      if (!sample) throw new Error(`no line of the format: ${line}`);
      const [, name = '', labels = '', value = ''] = sample;
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      if (!types.has(family) || !helped.has(family)) throw new Error(`a sample before its HELP and TYPE: ${line}`);
      if (samples.has(name + labels)) throw new Error(`twice: ${line}`);
      samples.set(name + labels, value === '+Inf' ? Infinity : Number(value));
      expect(Number.isNaN(Number(value.replace('+Inf', 'Infinity')))).toBe(false);
    }
  }
  return { types, samples };
}

test('the numbers are those of what happened, in the text format', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: () => ({ id: 'ann' }), connectionGroups: () => [posts.group({ blogId: 1 })] });
  const before = parsed(await w.live.metrics()).samples;
  expect(before.get('rowcast_sessions')).toBe(0);
  const viewer = await w.viewer('/');
  const client = w.live.as({ id: 'ann' });
  const mine = client.stream('posts', { blogId: 1 });
  await new Promise<void>((resolve) => mine.on('ready', () => resolve()));
  for (let id = 1; id <= 5; id++) await w.live.publish(posts, [{ before: null, after: row(id) }]);
  await w.live.settled();
  await viewer.caughtUp();
  expect(await mine.update(1, { title: 'u' })).toMatchObject({ ok: true });
  expect(await mine.delete(1)).toMatchObject({ ok: false, code: 'forbidden' });
  await w.live.settled();
  const { types, samples } = parsed(await w.live.metrics());
  const of = (name: string): number => samples.get(name) ?? Number.NaN;
  expect(of('rowcast_sessions')).toBe(2);
  expect(of('rowcast_sessions_total')).toBe(2);
  expect(of('rowcast_subscriptions')).toBe(2);
  expect(of('rowcast_writes_total{code="ok"}')).toBe(1);
  expect(of('rowcast_writes_total{code="forbidden"}')).toBe(1);
  expect(of('rowcast_writes_total{code="conflict"}')).toBe(0);
  expect(of('rowcast_entries_total')).toBe(of('rowcast_passed_total'));
  expect(of('rowcast_entries_total')).toBeGreaterThanOrEqual(6);
  expect(of('rowcast_ledger_entries')).toBe(of('rowcast_entries_total'));
  expect(of('rowcast_ledger_bytes')).toBeGreaterThan(0);
  expect(of('rowcast_frames_total')).toBeGreaterThanOrEqual(2 * 5);
  expect(of('rowcast_socket_bytes_total')).toBeGreaterThan(of('rowcast_socket_writes_total'));
  expect(of('rowcast_relay_leads')).toBe(1);
  expect(of('rowcast_ready')).toBe(1);
  expect(types.get('rowcast_lag_seconds')).toBe('histogram');
  const buckets = [...samples].filter(([name]) => name.startsWith('rowcast_lag_seconds_bucket')).map(([, value]) => value);
  expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
  expect(buckets.at(-1)).toBe(of('rowcast_lag_seconds_count'));
  expect(of('rowcast_lag_seconds_count')).toBeGreaterThan(0);
});

test('health and readiness over Node and over web requests: 200 while it serves, 503 once it does not', async () => {
  await using w = await world({ bindings: { posts } });
  const started = { live: null as typeof w.live | null };
  const probe = probes(() => started.live, { metrics: '/metrics' });
  const http = createServer((request, response) => void (probe.handle(request, response) || response.writeHead(418).end('the app')));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const at = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const status = async (path: string): Promise<readonly unknown[]> => {
    const [node, web] = [await fetch(at + path), await probe.fetch(new Request(at + path))];
    const [one, other] = [await node.json(), await web?.json()];
    expect(node.status).toBe(web?.status);
    expect(one).toEqual(other);
    return [node.status, (one as { reasons: unknown }).reasons];
  };
  try {
    expect(await status('/health')).toEqual([200, ['it has not started yet']]);
    expect(await status('/ready?now')).toEqual([503, ['it has not started yet']]);
    started.live = w.live;
    expect(await status('/health')).toEqual([200, []]);
    expect(await status('/ready')).toEqual([200, []]);
    expect((await fetch(`${at}/other`)).status).toBe(418);
    expect((await fetch(`${at}/ready`, { method: 'POST' })).status).toBe(418);
    expect(probe.fetch(new Request(`${at}/other`))).toBeNull();
    const numbers = await fetch(`${at}/metrics`);
    expect(numbers.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(parsed(await numbers.text()).samples.get('rowcast_ready')).toBe(1);
    await w.live.drain(0);
    expect(await status('/health')).toEqual([200, expect.any(Array)]);
    expect(await status('/ready')).toEqual([503, [expect.stringMatching(/before it goes down/)]]);
    await w.live.close();
    expect(await status('/health')).toEqual([503, expect.arrayContaining(['it was closed'])]);
    expect(parsed(await w.live.metrics()).samples.get('rowcast_ready')).toBe(0);
  } finally {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
});

describe('events', () => {
  test('tell who listens what happens, and no value of a row', async () => {
    const heard: [string, unknown][] = [];
    const hear = (message: unknown, name: string | symbol): void => void heard.push([String(name), message]);
    const names = ['commit', 'write', 'session', 'reset', 'end', 'lead'].map((name) => `rowcast:${name}`);
    for (const name of names) subscribe(name, hear);
    try {
      await using w = await world({ bindings: { posts } });
      w.live.endpoint('/', { authenticate: () => ({ id: 'ann' }) });
      const client = w.live.as({ id: 'ann' });
      const mine = client.stream('posts', { blogId: 1 });
      await new Promise<void>((resolve) => mine.on('ready', () => resolve()));
      await w.live.publish(posts, [
        { before: null, after: row(1, 'canary') },
        { before: null, after: row(2, 'canary') },
      ]);
      await w.live.settled();
      await mine.update(1, { title: 'canary 2' });
      const viewer = await w.viewer('/');
      await w.live.revoke({ user: 'ann' });
      await viewer.closed;
    } finally {
      for (const name of names) unsubscribe(name, hear);
    }
    const of = (name: string): unknown[] => heard.filter(([each]) => each === `rowcast:${name}`).map(([, message]) => message);
    expect(of('lead')).toEqual([{ term: 1 }]);
    expect(of('commit')).toContainEqual(expect.objectContaining({ rows: { posts: 2 }, receipts: 1 }));
    expect(of('write')).toEqual([expect.objectContaining({ kind: 'write', streams: ['posts'], actions: ['update'], code: 'ok' })]);
    expect(of('session').filter((each) => (each as { what: string }).what === 'open')).toHaveLength(2);
    expect(of('end')).toContainEqual({ reason: 'unauthorized', message: 'the access was taken back' });
    expect(JSON.stringify(heard)).not.toContain('canary');
  });
});
