import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ClientFrame } from '../../src/protocol/index.ts';
import { board, changed, posted, postsOf, removed, type Board } from '../support/board.ts';
import { launch, visitor, type Visitor } from './browser.ts';
import { buildPage, frameworks, serve } from './frameworks/pages.ts';

let browser: Browser;
let folder: string;
beforeAll(async () => {
  [browser, folder] = await Promise.all([launch(), mkdtemp(join(tmpdir(), 'rowcast-frameworks-'))]);
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

interface Seat extends Visitor {
  /** Frames that the page sent. */
  readonly sent: ClientFrame[];
  /** Views that it follows now. */
  readonly held: () => number;
  readonly row: (pk: number) => Locator;
  readonly drawings: (pk: number) => Promise<number>;
}

async function seat(url: string): Promise<Seat> {
  const seen = await visitor(browser);
  const { page } = seen;
  const sent: ClientFrame[] = [];
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(JSON.parse(String(payload)) as ClientFrame)));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && seen.errors.push(message.text()));
  const count = (type: ClientFrame['type']): number => sent.filter((frame) => frame.type === type).length;
  await page.goto(url);
  return {
    ...seen,
    sent,
    held: () => count('subscribe') - count('unsubscribe'),
    row: (pk) => page.locator(`li[data-pk="${pk}"]`),
    drawings: (pk) => page.evaluate((key) => window.drawn[key] ?? 0, String(pk)),
  };
}

const live = (page: Page): Promise<void> => page.locator('ul[data-status=live]').waitFor();

describe.each(frameworks)('$name', (framework) => {
  let the: Board;
  let url: string;
  let first: number;
  let second: number;
  let there: number;

  beforeAll(async () => {
    the = await board({ path: '/binding/' });
    const { http, live: server, port } = the.world;
    const page = await buildPage(framework, folder);
    http.removeAllListeners('request');
    http.on(
      'request',
      (request, response) => void serve(page, () => server.as({ id: 'me' }).snapshot([['posts', { blogId: 1 }]]))(request, response),
    );
    url = `http://127.0.0.1:${port}/`;
  });
  afterAll(() => the?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    for (const blogId of [1, 2]) for (const { pk } of await postsOf(the.other, blogId)) await removed(the.other, blogId, pk);
    first = await posted(the.other, { blogId: 1, title: 'one', body: 'first' });
    second = await posted(the.other, { blogId: 1, title: 'two' });
    there = await posted(the.other, { blogId: 2, title: 'elsewhere' });
  });

  test('shows rows, what others change of them, and draws no row but the one that changed; all of its hooks are one subscription', async () => {
    const { page, row, drawings, sent, held, errors } = await seat(url);
    await row(first).getByText('one').waitFor();
    await row(second).getByText('two').waitFor();
    await page.locator('#connection').getByText('open 0').waitFor();
    await live(page);
    const [before, other] = [await drawings(first), await drawings(second)];
    await changed(the.other, 1, first, { title: 'changed' });
    await row(first).getByText('changed').waitFor();
    expect(await drawings(first)).toBeGreaterThan(before);
    expect(await drawings(second)).toBe(other);
    await removed(the.other, 1, second);
    await row(second).waitFor({ state: 'detached' });
    expect(sent.filter(({ type }) => type === 'subscribe')).toHaveLength(held());
    expect(held()).toBe(1);
    expect(errors).toEqual([]);
  });

  test('writes', async () => {
    const { page, sent, errors } = await seat(url);
    await live(page);
    await page.locator('#add').click();
    await page.locator('li').getByText('added').waitFor();
    await page.locator('#connection').getByText('open 0').waitFor();
    const titles = async (): Promise<unknown[]> => (await postsOf(the.other, 1)).map(({ title }) => title);
    await expect.poll(titles).toContain('added'); // it may have been seen before it was sent
    await expect.poll(() => sent.filter(({ type }) => type === 'write').length).toBe(1);
    expect(errors).toEqual([]);
  });

  test('asks for what its params say, leaves what they said before, and leaves all of it when it goes', async () => {
    const { page, row, held, errors } = await seat(url);
    await row(first).waitFor();
    await page.locator('#turn').click();
    await row(there).getByText('elsewhere').waitFor();
    await row(first).waitFor({ state: 'detached' });
    await expect.poll(held).toBe(1);
    await page.locator('#show').click();
    await row(there).waitFor({ state: 'detached' });
    await expect.poll(held).toBe(0);
    await page.locator('#show').click();
    await row(there).getByText('elsewhere').waitFor();
    await expect.poll(held).toBe(1);
    expect(errors).toEqual([]);
  });

  test('has forms whose untouched fields live, and whose touched ones survive a refusal and what others do', async () => {
    const { page, row, errors } = await seat(url);
    await row(first).waitFor();
    await live(page);
    const [title, body] = [page.locator('#title'), page.locator('#body')];
    const value = async (field: Locator, text: string): Promise<void> => {
      await expect.poll(() => field.inputValue()).toBe(text);
    };
    await value(title, 'one');
    await title.fill('');
    await page.locator('form[data-dirty=true]').waitFor();
    await page.locator('#save').click();
    await page.locator('#error').getByText('say something').waitFor();
    await changed(the.other, 1, first, { title: 'theirs', body: 'second' });
    await value(body, 'second');
    await value(title, '');
    await page.locator('#theirs').getByText('theirs').waitFor();
    await page.locator('#error').getByText('say something').waitFor();
    await title.fill('mine');
    await expect.poll(() => page.locator('#error').innerText()).toBe('');
    await page.locator('#save').click();
    await row(first).getByText('mine').waitFor();
    await page.locator('form[data-dirty=false][data-status=ready]').waitFor();
    expect((await postsOf(the.other, 1)).map(({ title }) => title)).toContain('mine');
    await title.fill('given up');
    await changed(the.other, 1, first, { title: 'taken' });
    await page.locator('#theirs').getByText('taken').waitFor();
    await page.locator('#take').click();
    await value(title, 'taken');
    await page.locator('#turn').click();
    await value(title, 'elsewhere');
    expect(errors).toEqual([]);
  });

  test('goes on from the rows that a server rendered: nothing is read twice, and nothing is drawn otherwise', async () => {
    const rendered = await (await fetch(`${url}?rendered`)).text();
    expect(rendered).toMatch(new RegExp(`<li[^>]*data-pk="${first}"[^>]*>(<!--.*?-->)*one`));
    expect(rendered).not.toContain('elsewhere');
    const { page, row, frames, sent, errors } = await seat(`${url}?rendered`);
    await live(page);
    await row(first).getByText('one').waitFor();
    // What a server rendered is there before there is a connection.
    await expect
      .poll(() => sent.find(({ type }) => type === 'subscribe'))
      .toMatchObject({
        at: expect.any(String) as string,
        token: expect.any(String) as string,
      });
    await changed(the.other, 1, first, { title: 'changed' });
    await row(first).getByText('changed').waitFor();
    expect(frames.map((frame) => (JSON.parse(frame) as { type: string }).type)).not.toContain('rows');
    expect(errors).toEqual([]);
  });

  if (framework.folder !== 'react') return;

  test('suspends until its first rows are there, where it is asked to', async () => {
    const { page, row, held, errors } = await seat(`${url}?suspense`);
    await row(first).getByText('one').waitFor();
    expect(await page.evaluate(() => window.waited)).toBe(true);
    expect(await page.locator('#waiting').count()).toBe(0);
    await expect.poll(held).toBe(1);
    await changed(the.other, 1, first, { title: 'changed' });
    await row(first).getByText('changed').waitFor();
    expect(errors).toEqual([]);
  });
});
