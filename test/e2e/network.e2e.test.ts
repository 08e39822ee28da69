import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client, ClientOptions, Status } from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, rowcast, type Live } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { Proxy } from '../support/proxy.ts';
import { Notes } from '../support/world.ts';
import { launch, visitor, type Visitor } from './browser.ts';

const value = sqliteTable('value', { id: integer().primaryKey(), name: text().notNull() });
const values = bindingFor<{ readonly id: string }>()(drizzle(value), {
  fields: ['name'],
  groupNames: () => ['values'],
  hasPermission: () => true,
});

/** What a test does in the page. */
interface Opened {
  readonly createClient: (url: string, options: ClientOptions) => Client;
  client: Client;
  statuses: Status[];
  /** To be given one after another, the last one again and again. */
  tokens: string[];
}

const HTML =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>A page</title><script type="module" src="/page.js"></script>';
/** Longer than any test: who comes back sooner was told to. */
const NEVER = 3_600_000;

let script: string;
let browser: Browser;
let live: Live<{ values: typeof values }>;
let http: Server;
let proxy: Proxy;
let seen: Visitor;
let page: Page;
const valid = new Set<string>();
let shown: (string | null)[];

beforeAll(async () => {
  const bundled = await build({
    stdin: {
      contents: `import { createClient } from './index.ts'; Object.assign(window, { createClient, statuses: [], tokens: [] })`,
      resolveDir: fileURLToPath(new URL('../../src/client/', import.meta.url)),
    },
    bundle: true,
    format: 'esm',
    write: false,
  });
  script = bundled.outputFiles[0]?.text ?? '';
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  shown = [];
  valid.clear();
  live = await rowcast({ source: memory(), bindings: { values }, log: new Notes() });
  live.endpoint('/binding/', {
    connectionGroups: () => ['values'],
    authenticate: ({ headers }) => (headers.get('cookie')?.includes('who=ann') ? { id: 'ann' } : null),
  });
  http = createServer((request, response) => {
    if (live.handle(request, response)) return;
    const type = request.url === '/page.js' ? 'text/javascript' : 'text/html; charset=utf-8';
    response.writeHead(200, { 'content-type': type, 'set-cookie': 'who=ann; HttpOnly; SameSite=Lax' });
    response.end(request.url === '/page.js' ? script : HTML);
  });
  live.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  proxy = await Proxy.open((http.address() as AddressInfo).port);
  live.endpoint('/members/', {
    connectionGroups: () => ['values'],
    origins: [`http://localhost:${proxy.port}`],
    authenticate: ({ headers }) => {
      const token = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1] ?? null;
      shown.push(token);
      return token !== null && valid.has(token) ? { id: 'ann' } : null;
    },
  });
  seen = await visitor(browser);
  ({ page } = seen);
  await page.goto(`http://127.0.0.1:${proxy.port}/`);
});

afterEach(async () => {
  await page.context().close();
  await proxy[Symbol.asyncDispose]();
  await live.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
  expect(seen.errors).toEqual([]);
});

interface Connecting {
  readonly to?: string;
  readonly delay?: number;
  readonly tokens?: readonly string[];
}

async function connect({ to = '/binding/', delay = 1, tokens }: Connecting = {}): Promise<void> {
  await page.evaluate(
    ({ to, delay, tokens }) => {
      const opened = globalThis as unknown as Opened;
      opened.tokens = tokens ?? [];
      const supplier = tokens && { token: () => (opened.tokens.length > 1 ? opened.tokens.shift() : opened.tokens[0]) as string };
      opened.client = opened.createClient(to, { delay: () => delay, ...supplier });
      opened.client.on('status', (status) => opened.statuses.push(status));
      opened.client.stream('values').on('change', () => undefined);
    },
    { to, delay, tokens: tokens && [...tokens] },
  );
}

const gives = (...tokens: readonly string[]): Promise<void> =>
  page.evaluate((tokens) => void ((globalThis as unknown as Opened).tokens = tokens), [...tokens]);

/** Resolves when the page's client is, or has been so many times, in this state. */
async function becomes(status: Status, times = 1): Promise<void> {
  await page.waitForFunction(
    ([status, times]) => (globalThis as unknown as Opened).statuses.filter((each) => each === status).length >= times,
    [status, times] as const,
  );
}

/** The page writes, and sees what it wrote; and what others did. */
async function roundTrip(name: string): Promise<void> {
  const answer = await page.evaluate((name) => (globalThis as unknown as Opened).client.stream('values').create({ name }), name);
  expect(answer).toMatchObject({ ok: true });
  await shows(name);
  await live.publish(values, [{ before: null, after: { id: 1_000 + name.length, name: `${name}, from elsewhere` } }]);
  await shows(`${name}, from elsewhere`);
}

async function shows(name: string): Promise<void> {
  await page.waitForFunction(
    (name) => (globalThis as unknown as Opened).client.stream('values').rows.some((row) => row['name'] === name),
    name,
  );
}

test('a page behind a proxy that refuses WebSockets has its rows and writes over events, with its cookie, and stays there', async () => {
  proxy.passing = 'refuses';
  await connect();
  await becomes('open');
  expect([proxy.upgrades, proxy.streams]).toEqual([2, 1]);
  await roundTrip('one');
  proxy.cut();
  await becomes('open', 2);
  await roundTrip('a second');
  expect([proxy.upgrades, proxy.streams]).toEqual([2, 2]);
});

test('a page whose WebSockets come to be refused goes on over events', async () => {
  await connect();
  await becomes('open');
  await roundTrip('one');
  proxy.passing = 'refuses';
  proxy.cut();
  await becomes('open', 2);
  await roundTrip('a second');
  await shows('one');
  expect(proxy.streams).toBe(1);
});

describe('a page that waits for long', () => {
  beforeEach(async () => {
    await connect({ delay: NEVER });
    await becomes('open');
    proxy.passing = 'away';
  });

  test('is back at once when the network is', async () => {
    await page.context().setOffline(true);
    proxy.cut();
    await becomes('waiting');
    proxy.passing = 'open';
    await page.context().setOffline(false);
    await becomes('open', 2);
    await roundTrip('one');
  });

  test('is back at once when somebody looks at it again', async () => {
    proxy.cut();
    await becomes('waiting');
    proxy.passing = 'open';
    // A headless browser shows every page always: what a window does that comes to the front, it has to be told.
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
    await becomes('open', 2);
    await roundTrip('one');
  });
});

describe.each(['open', 'refuses'] as const)('a page with tokens, where the proxy is %s,', (passing) => {
  test('shows them, replaces one that ran out, and is signed out when nothing helps', async () => {
    proxy.passing = passing;
    valid.add('good?>~').add('better');
    await connect({ to: '/members/', tokens: ['good?>~'] });
    await becomes('open');
    await roundTrip('one');
    valid.delete('good?>~');
    await gives('stale', 'better');
    proxy.cut();
    await becomes('open', 2);
    await roundTrip('a second');
    valid.clear();
    await gives('bad');
    proxy.cut();
    await becomes('signed-out');
    expect([...new Set(shown)]).toEqual(['good?>~', 'stale', 'better', 'bad']);
    expect(shown.slice(-3)).toEqual(['better', 'bad', 'bad']);
  });
});

test('a page of another origin that is on the list goes over events as well, and hears that it is refused', async () => {
  proxy.passing = 'refuses';
  valid.add('good');
  await page.goto(`http://localhost:${proxy.port}/`);
  await connect({ to: `http://127.0.0.1:${proxy.port}/members/`, tokens: ['good'] });
  await becomes('open');
  await roundTrip('one');
  await gives('bad');
  proxy.cut();
  await becomes('signed-out');
});
