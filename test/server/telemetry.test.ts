import { setTimeout as turn } from 'node:timers/promises';
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world } from '../support/world.ts';

const binding = bindingFor<{ readonly id: string } | null>();
const row = (id: number) => ({ id, blogId: 1, title: 'canary', body: '', published: true, owner: null, secret: 'canary' });

class Reader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

let spans: InMemorySpanExporter;
let reader: Reader;

beforeEach(() => {
  spans = new InMemorySpanExporter();
  reader = new Reader();
  api.trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }));
  api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => {
  api.trace.disable();
  api.metrics.disable();
  api.context.disable();
});

test('a write is one trace from its frame to its delivery: judged inside its transaction, routed and delivered by its receipt', async () => {
  const inside: (api.SpanContext | undefined)[] = [];
  const posts = binding(models.post, {
    fields: ['blogId', 'title'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => true,
    hasPermission: async (_user, action) => {
      inside.push(api.trace.getActiveSpan()?.spanContext());
      await turn(1);
      return action === 'update';
    },
  });
  {
    await using w = await world({ bindings: { posts } });
    const mine = w.live.as({ id: 'ann' }).stream('posts', { blogId: 1 });
    await new Promise<void>((resolve) => mine.on('ready', () => resolve()));
    await w.live.publish(posts, [{ before: null, after: row(1) }]);
    await w.live.settled();
    expect(await mine.update(1, { title: 'canary 2' })).toMatchObject({ ok: true });
    expect(await mine.delete(1)).toMatchObject({ code: 'forbidden' });
    await w.live.settled();
  }
  await new Promise(setImmediate); // a delivery ends after the round of writing that it is in
  const all = spans.getFinishedSpans();
  const named = (name: string): ReadableSpan[] => all.filter((span) => span.name === name);
  const [update, remove] = named('rowcast write posts');
  expect([update, remove].map((span) => span?.attributes['rowcast.code'])).toEqual(['ok', 'forbidden']);
  const [stored] = named('rowcast store');
  const [judged] = named('rowcast judge');
  expect(stored?.parentSpanContext?.spanId).toBe(update?.spanContext().spanId);
  expect(judged?.parentSpanContext?.spanId).toBe(stored?.spanContext().spanId);
  expect(inside[0]?.spanId).toBe(judged?.spanContext().spanId); // the app's own spans are inside
  // What was published is nobody's write; what was refused under the lock is stored, and so has a commit.
  for (const name of ['rowcast route', 'rowcast deliver']) {
    expect(named(name).map(({ links }) => links.map(({ context }) => context.spanId))).toEqual(
      [update, remove].map((span) => [span?.spanContext().spanId]),
    );
  }
  expect(named('rowcast deliver')[0]?.attributes['rowcast.receipt']).toBe(update?.attributes['rowcast.receipt']);
  expect(JSON.stringify(all.map(({ name, attributes }) => ({ name, attributes })))).not.toContain('canary');
});

test('the numbers are OpenTelemetry’s too, and nobody is asked any more once it is closed', async () => {
  const posts = binding(models.post, { fields: ['title'], groupNames: () => ['all'] });
  const read = async (): Promise<Map<string, unknown>> => {
    const { resourceMetrics } = await reader.collect();
    const metrics = resourceMetrics.scopeMetrics.find(({ scope }) => scope.name === 'rowcast')?.metrics ?? [];
    return new Map(metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints.at(0)?.value]));
  };
  {
    await using w = await world({ bindings: { posts } });
    w.live.endpoint('/', { connectionGroups: () => ['all'] });
    const viewer = await w.viewer('/');
    await w.live.publish(posts, [{ before: null, after: row(1) }]);
    await w.live.settled();
    await viewer.caughtUp();
    await w.live.settled();
    const numbers = await read();
    expect(numbers.get('rowcast.sessions')).toBe(1);
    expect(numbers.get('rowcast.subscriptions')).toBe(1);
    expect(numbers.get('rowcast.entries')).toBeGreaterThan(0);
    expect(numbers.get('rowcast.lag')).toMatchObject({ count: expect.toSatisfy((count: number) => count > 0) });
  }
  // The SDK goes on with what it was told last: asked, a closed one would say that it is not ready.
  expect((await read()).get('rowcast.ready')).toBe(1);
});

test('with nobody behind the API nothing is recorded, and everything works', async () => {
  api.trace.disable();
  api.metrics.disable();
  const posts = binding(models.post, { fields: ['title'], groupNames: () => ['all'], hasPermission: () => true });
  await using w = await world({ bindings: { posts } });
  const mine = w.live.as({ id: 'ann' }, { groups: ['all'] }).stream('posts');
  await new Promise<void>((resolve) => mine.on('ready', () => resolve()));
  expect(await mine.create({ id: 1, title: 'x' } as never)).toMatchObject({ code: expect.stringMatching(/invalid|unknown_field/) });
  expect(spans.getFinishedSpans()).toEqual([]);
});
