import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launch, live, lookAt, signIn, visitor, type Visitor } from './browser.ts';
import type { Demo } from './demo.ts';

export interface Stage {
  readonly demo: Demo;
  /** Runs a statement past the demo, from another process than its own. Gives the rows it returns. */
  sql(statement: string): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

const CANARY = 'canary-of-the-notes';
const DRAFT = 'canary-of-a-draft';

const card = (page: Page, title: string): Locator => page.locator('.posts > .card').filter({ has: page.getByText(title, { exact: true }) });
const value = (page: Page, name: string): Locator => page.locator('.values > .card').filter({ has: page.getByText(name, { exact: true }) });

/** The button asks "Sure?" for three seconds, and then it is as before: on a busy machine it is asked again. */
async function deleted(of: Locator): Promise<void> {
  const answered = (): Promise<boolean> =>
    of
      .getByRole('button', { name: 'Sure?' })
      .click({ timeout: 3_000 })
      .then(
        () => true,
        () => false,
      );
  do await of.getByRole('button', { name: 'Delete' }).click();
  while (!(await answered()));
  await of.waitFor({ state: 'detached' });
}

/** What the demo shows, whichever database it runs on. */
export function scenes(database: string, open: () => Promise<Stage>): void {
  describe(`the live blog on ${database}`, () => {
    let stage: Stage;
    let browser: Browser;
    let reader: Visitor;
    let editor: Visitor;

    beforeAll(async () => {
      [stage, browser] = await Promise.all([open(), launch()]);
      [reader, editor] = await Promise.all([visitor(browser), visitor(browser)]);
      await stage.sql(`UPDATE post SET notes = '${CANARY}'`);
      await editor.page.goto(stage.demo.url);
      await signIn(editor.page, 'editor');
    });

    beforeEach(async () => {
      await Promise.all([reader.page.goto(`${stage.demo.url}/?blog=1`), editor.page.goto(`${stage.demo.url}/?blog=1`)]);
      await Promise.all([live(reader.page), live(editor.page)]);
    });

    afterAll(async () => {
      await browser?.close();
      await stage?.close();
    });

    test('blogs 1 and 2 are there, and one line says where it serves', async () => {
      expect(stage.demo.said.out).toBe(`ready ${stage.demo.url}\n`);
      expect(await stage.sql('SELECT id FROM blog ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
      await reader.page.getByRole('link', { name: 'Harbour regatta' }).click();
      await card(reader.page, 'Twenty-three boats at the line').waitFor();
      await expect.poll(() => reader.page.locator('.posts > .card').count()).toBe(1);
    });

    test("a post written in one window appears in another, and an editor's edit changes it there", async () => {
      const { page } = editor;
      await page.getByText('Write a post').click();
      await page.locator('.composer').getByLabel('Title').fill('Wind is rising');
      await page.locator('.composer').getByLabel('Text').fill('Fourteen knots.');
      await page.getByLabel('Publish at once').check();
      await page.getByRole('button', { name: 'Add post' }).click();
      await card(reader.page, 'Wind is rising').getByText('Fourteen knots.').waitFor();

      const post = card(page, 'Wind is rising');
      await post.getByRole('button', { name: 'Edit' }).click();
      const form = page.locator('.post form:visible');
      await form.getByLabel('Text').fill('Seventeen knots, gusts of twenty.');
      await form.getByRole('button', { name: 'Save' }).click();
      await post.getByText('Seventeen knots, gusts of twenty.').waitFor();
      await card(reader.page, 'Wind is rising').getByText('Seventeen knots, gusts of twenty.').waitFor();
    });

    test('raw SQL from another process appears in both windows: insert, update, delete', async () => {
      const both = [reader.page, editor.page];
      await stage.sql(
        `INSERT INTO post (blog_id, title, body, published, notes) VALUES (1, 'From a shell', 'past the app', true, '${CANARY}')`,
      );
      for (const page of both) await card(page, 'From a shell').getByText('past the app').waitFor();
      await stage.sql(`UPDATE post SET body = 'still past the app' WHERE title = 'From a shell'`);
      for (const page of both) await card(page, 'From a shell').getByText('still past the app').waitFor();
      await stage.sql(`DELETE FROM post WHERE title = 'From a shell'`);
      for (const page of both) await card(page, 'From a shell').waitFor({ state: 'detached' });
    });

    test('a draft is the editors alone: published it is created for a reader, unpublished it is gone from him', async () => {
      await stage.sql(`INSERT INTO post (blog_id, title, body, published) VALUES (1, '${DRAFT}', '', false)`);
      const draft = card(editor.page, DRAFT);
      await draft.getByText('Draft', { exact: true }).waitFor();
      await stage.sql(`UPDATE post SET title = 'Ready' WHERE title = '${DRAFT}'`);
      const ready = card(editor.page, 'Ready');
      await ready.getByRole('button', { name: 'Publish' }).click();
      await card(reader.page, 'Ready').waitFor();
      await ready.getByRole('button', { name: 'Unpublish' }).waitFor();
      await expect.poll(() => reader.page.locator('.events').innerText()).toMatch(/create\s+post/);

      await ready.getByRole('button', { name: 'Unpublish' }).click();
      await card(reader.page, 'Ready').waitFor({ state: 'detached' });
      await ready.getByText('Draft', { exact: true }).waitFor();
      await expect.poll(() => reader.page.locator('.events li').first().innerText()).toMatch(/delete\s+post \d+\s+the key only/);
      await deleted(ready);
    });

    test('a post that moves to the other blog leaves the one and comes to the other', async () => {
      const other = await visitor(browser);
      await other.page.goto(`${stage.demo.url}/?blog=2`);
      await live(other.page);
      await card(editor.page, 'Go for the count').getByRole('button', { name: 'Edit' }).click();
      const form = editor.page.locator('.post form:visible');
      await form.getByLabel('Blog').selectOption('2');
      await form.getByRole('button', { name: 'Save' }).click();
      await card(other.page, 'Go for the count').waitFor();
      await card(reader.page, 'Go for the count').waitFor({ state: 'detached' });
      await card(editor.page, 'Go for the count').waitFor({ state: 'detached' });
      await stage.sql(`UPDATE post SET blog_id = 1 WHERE title = 'Go for the count'`);
      await card(reader.page, 'Go for the count').waitFor();
      await card(other.page, 'Go for the count').waitFor({ state: 'detached' });
      expect(other.errors).toEqual([]);
      await other.page.context().close();
    });

    test('a reader who edits is refused, sees why, and nothing has changed', async () => {
      const { page } = reader;
      await card(page, 'Good morning from the cape').getByRole('button', { name: 'Edit' }).click();
      const form = page.locator('.post form:visible');
      await form.getByLabel('Title').fill('Taken over');
      await form.getByRole('button', { name: 'Save' }).click();
      await form.getByRole('alert').getByText('Refused: you may not update this row.').waitFor();
      expect(await form.getByLabel('Title').inputValue()).toBe('Taken over');
      expect(await stage.sql(`SELECT title FROM post WHERE title = 'Taken over'`)).toEqual([]);
      await form.getByRole('button', { name: 'Cancel' }).click();
      await card(page, 'Good morning from the cape').waitFor();
    });

    test("an edit begun before somebody else's is warned, and saves only what it changed itself", async () => {
      await stage.sql(`INSERT INTO post (blog_id, title, body, published) VALUES (1, 'Two hands', 'first', true)`);
      await card(editor.page, 'Two hands').getByRole('button', { name: 'Edit' }).click();
      const form = editor.page.locator('.post form:visible');
      await stage.sql(`UPDATE post SET body = 'second' WHERE title = 'Two hands'`);
      await form.getByText('Somebody else has just changed this post.').waitFor();
      await form.getByLabel('Title').fill('Two hands, one post');
      await form.getByRole('button', { name: 'Save' }).click();
      await card(reader.page, 'Two hands, one post').getByText('second').waitFor();
      await stage.sql(`DELETE FROM post WHERE title = 'Two hands, one post'`);
    });

    test('integer values: anybody steps, types, adds and deletes; a name that is taken is told at the field', async () => {
      await Promise.all([reader.page.goto(`${stage.demo.url}/intval`), editor.page.goto(`${stage.demo.url}/intval`)]);
      await Promise.all([live(reader.page), live(editor.page)]);
      const [here, there] = [reader.page, editor.page];
      const shown = (page: Page, name: string): Promise<string> => value(page, name).getByRole('spinbutton').inputValue();

      await here.getByLabel('Name').fill('lamps');
      await here.getByLabel('Value', { exact: true }).fill('5');
      await here.getByRole('button', { name: 'Add' }).click();
      await value(there, 'lamps').waitFor();
      await expect.poll(() => shown(there, 'lamps')).toBe('5');

      await value(there, 'lamps').getByRole('button', { name: 'One more' }).click();
      await expect.poll(() => shown(here, 'lamps')).toBe('6');
      await value(here, 'lamps').getByRole('spinbutton').fill('-40');
      await value(here, 'lamps').getByRole('spinbutton').press('Enter');
      await expect.poll(() => shown(there, 'lamps')).toBe('-40');

      await here.getByLabel('Name').fill('lamps');
      await here.getByRole('button', { name: 'Add' }).click();
      await here.locator('.create [name=name][aria-invalid]').waitFor();
      expect(await here.locator('.create .field-error').innerText()).toMatch(/^Name: .*taken\.$/);
      expect(await stage.sql(`SELECT value FROM integer_value WHERE name = 'lamps'`)).toEqual([{ value: -40 }]);

      await deleted(value(there, 'lamps'));
      await value(here, 'lamps').waitFor({ state: 'detached' });
    });

    test('a page whose server was away reads its rows again: what happened meanwhile is there', async () => {
      expect(await stage.demo.stop()).toBe(0);
      await reader.page.locator('.pill[data-status=waiting]').waitFor();
      await stage.sql(`INSERT INTO post (blog_id, title, body, published) VALUES (1, 'While it was away', '', true)`);
      await stage.sql(`DELETE FROM post WHERE title = 'Good morning from the cape'`);
      await stage.demo.start();
      await Promise.all([reader.page, editor.page].map((page) => lookAt(page, page.locator('.pill[data-status=open]'))));
      await card(reader.page, 'While it was away').waitFor();
      await card(reader.page, 'Good morning from the cape').waitFor({ state: 'detached' });
      await live(editor.page);
      expect(await editor.page.locator('body').getAttribute('data-role')).toBe('editor');
      await stage.sql(`UPDATE post SET body = 'and is back' WHERE title = 'While it was away'`);
      await card(reader.page, 'While it was away').getByText('and is back').waitFor();
    });

    test("no byte of any window holds the notes, none of a reader's a draft, and no page has failed", () => {
      expect(editor.frames.join('\n')).toContain(DRAFT);
      for (const { frames, bodies } of [reader, editor]) {
        expect(frames.length).toBeGreaterThan(10);
        expect(bodies.length).toBeGreaterThan(10);
        expect(frames.join('\n') + bodies.join('\n')).not.toContain(CANARY);
      }
      expect(reader.frames.join('\n') + reader.bodies.join('\n')).not.toContain(DRAFT);
      expect([...reader.errors, ...editor.errors]).toEqual([]);
      expect(stage.demo.said.err).toBe('');
    });
  });
}
