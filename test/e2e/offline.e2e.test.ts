import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openApp, type App } from '../client/app.ts';
import { Proxy } from '../support/proxy.ts';
import { launch, PATIENCE } from './browser.ts';
import type { OfflinePage } from './offline-page.ts';

const HTML =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>A page</title><script type="module" src="/page.js"></script>';

let script: string;
let browser: Browser;
let app: App;
let proxy: Proxy;
let context: BrowserContext;
const errors: string[] = [];

beforeAll(async () => {
  const entryPoints = [fileURLToPath(new URL('offline-page.ts', import.meta.url))];
  const bundled = await build({ entryPoints, bundle: true, format: 'esm', write: false });
  script = bundled.outputFiles[0]?.text ?? '';
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  errors.length = 0;
  app = await openApp({
    permits: () => true,
    authenticate: ({ headers }) => ({ id: /who=(\w+)/.exec(headers.get('cookie') ?? '')?.[1] ?? 'nobody' }),
  });
  app.commit((run) => {
    for (let row = 1; row <= 5; row++) run('INSERT INTO post (title) VALUES (?)', `of old ${row}`);
  });
  proxy = await Proxy.open(Number(new URL(app.url).port));
  // Pages that come from nowhere may not speak to this machine else.
  context = await browser.newContext({ permissions: ['local-network-access'] });
  // As a service worker would: the page itself is there without a network.
  await context.route('**/*', (route) => {
    const isScript = route.request().url().endsWith('/page.js');
    return route.fulfill({ contentType: isScript ? 'text/javascript' : 'text/html', body: isScript ? script : HTML });
  });
});
afterEach(async () => {
  await context.close();
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
  expect(errors).toEqual([]);
});

/** A browser that is told so, and a line that is cut: the one does not end sockets that are open. */
async function network(is: 'there' | 'away'): Promise<void> {
  proxy.passing = is === 'there' ? 'open' : 'away';
  if (is === 'away') proxy.cut();
  await context.setOffline(is === 'away');
}

async function opened(user: string): Promise<Page> {
  const url = `http://127.0.0.1:${proxy.port}/`;
  await context.addCookies([{ name: 'who', value: user, url }]);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(url);
  await page.waitForFunction(() => 'page' in globalThis);
  await inPage(page, 'open', user);
  return page;
}

interface Held {
  readonly page: OfflinePage;
}

function inPage<N extends keyof OfflinePage>(page: Page, name: N, user = ''): Promise<Awaited<ReturnType<OfflinePage[N]>>> {
  return page.evaluate(([name, user]) => (globalThis as unknown as Held).page[name as N](user) as never, [name, user] as const);
}

const becomes = (page: Page, status: string): Promise<unknown> =>
  page.waitForFunction((status) => (globalThis as unknown as Held).page.status() === status, status);
const answered = (page: Page): Promise<unknown> => page.waitForFunction(() => (globalThis as unknown as Held).page.waiting().all === 0);

/** A tab that has seen the rows and then wrote fifty times without a network, and was closed. Gives the texts, and what it showed. */
async function closedWithFifty(): Promise<readonly [texts: readonly string[], titles: readonly string[]]> {
  const first = await opened('ann');
  await becomes(first, 'live');
  await first.waitForFunction(async () => (await (globalThis as unknown as Held).page.inDatabase()).rows === 5);
  await first.close();
  await network('away');
  const second = await opened('ann');
  await becomes(second, 'offline');
  expect(await inPage(second, 'titles')).toEqual(['of old 1', 'of old 2', 'of old 3', 'of old 4', 'of old 5']);
  const texts = await inPage(second, 'fifty');
  expect(await inPage(second, 'waiting')).toEqual({ all: 50, kept: 0 });
  const titles = await inPage(second, 'titles');
  // A tab that ends this moment takes with it what the browser has not begun to write down.
  await second.waitForFunction(async () => (await (globalThis as unknown as Held).page.inDatabase()).writes === 50);
  await second.close();
  return [texts, titles];
}

test('a tab closed with fifty writes and opened again without a network shows them; with one, each is done once, in order', async () => {
  const [texts, titles] = await closedWithFifty();
  const before = app.texts().length;
  const page = await opened('ann');
  await becomes(page, 'offline');
  expect(await inPage(page, 'titles')).toEqual(titles);
  expect(await inPage(page, 'waiting')).toEqual({ all: 50, kept: 50 });
  await network('there');
  await answered(page);
  expect(await inPage(page, 'past')).toBe(true);
  expect(app.texts().slice(before)).toEqual(texts);
  expect([...(await inPage(page, 'titles'))].sort()).toEqual(
    app
      .rows()
      .map(({ title }) => title)
      .sort(),
  );
  await page.reload();
  await page.waitForFunction(() => 'page' in globalThis);
  await inPage(page, 'open', 'ann');
  await becomes(page, 'live');
  expect(await inPage(page, 'waiting')).toEqual({ all: 0, kept: 0 });
});

test('two tabs that find the same writes: each is done once', async () => {
  const [texts] = await closedWithFifty();
  const before = app.texts().length;
  const tabs = [await opened('ann'), await opened('ann')];
  for (const tab of tabs) {
    await becomes(tab, 'offline'); // what was kept is read by then
    expect(await inPage(tab, 'waiting')).toEqual({ all: 50, kept: 50 });
  }
  await network('there');
  await Promise.all(tabs.map(answered));
  for (const tab of tabs) expect(await inPage(tab, 'past')).toBe(true);
  expect([...app.texts().slice(before)].sort()).toEqual([...texts].sort());
  for (const tab of tabs)
    expect([...(await inPage(tab, 'titles'))].sort()).toEqual(
      app
        .rows()
        .map(({ title }) => title)
        .sort(),
    );
});

test('another user of the browser sees and sends nothing of it, and it is still there for its own', async () => {
  const [texts] = await closedWithFifty();
  const before = app.texts().length;
  const other = await opened('bob');
  expect([await inPage(other, 'titles'), await inPage(other, 'waiting')]).toEqual([[], { all: 0, kept: 0 }]);
  await network('there');
  await becomes(other, 'live');
  expect(await inPage(other, 'past')).toBe(true);
  expect(app.texts()).toHaveLength(before);
  await other.close();
  const own = await opened('ann');
  await becomes(own, 'live');
  await answered(own);
  expect(app.texts().slice(before)).toEqual(texts);
});
