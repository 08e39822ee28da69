import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { open, windowsOn } from '../../test/e2e/windows.ts';

const the = windowsOn('plain');
const item = (page: Page, name: string): Locator => page.locator('li').filter({ has: page.getByText(name, { exact: true }) });

async function add(page: Page, name: string): Promise<void> {
  await page.getByLabel('What else?').fill(name);
  await page.getByRole('button', { name: 'Add' }).click();
}

test('what is added, ticked and removed in one window is so in the other, in order', async () => {
  await add(the.one, 'Apricots');
  await item(the.other, 'Apricots').getByRole('checkbox').check();
  await item(the.one, 'Apricots').and(the.one.locator('.done')).waitFor();
  expect(await the.one.locator('li').last().innerText()).toContain('Apricots');
  await item(the.other, 'Apricots').getByRole('button', { name: 'Remove Apricots' }).click();
  await item(the.one, 'Apricots').waitFor({ state: 'detached' });
});

test('what another process writes to the database is there, and the keyboard stays where it was', async () => {
  const box = item(the.one, 'Bread').getByRole('checkbox');
  await box.focus();
  const database = new DatabaseSync(join(the.demo.folder, 'data', 'plain.db'));
  database.exec(`PRAGMA busy_timeout = 5000; INSERT INTO item (name) VALUES ('Anchovies'); UPDATE item SET done = 1 WHERE name = 'Bread'`);
  database.close();
  await item(the.one, 'Anchovies').waitFor();
  await item(the.one, 'Bread').and(the.one.locator('.done')).waitFor();
  expect(await box.evaluate((element) => element === document.activeElement)).toBe(true);
});

test('a name that is taken is refused, and goes again', async () => {
  await item(the.one, 'Olives').waitFor();
  await add(the.one, 'Olives');
  await the.one.getByRole('alert').getByText('Olives: already taken.').waitFor();
  expect(await item(the.one, 'Olives').count()).toBe(1);
});

test('what is added while the server is away waits for it, and is added once', async () => {
  await open(the.one);
  await the.demo.stop();
  await the.one.locator('.status:not([data-status=open])').waitFor();
  await add(the.one, 'Candles');
  await item(the.one, 'Candles').waitFor();
  await the.one.getByText('Offline, 1 to send').waitFor();
  await the.restarted();
  await item(the.other, 'Candles').waitFor();
  await open(the.one);
  expect(await item(the.one, 'Candles').count()).toBe(1);
});
