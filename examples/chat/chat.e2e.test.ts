import type { Locator, Page } from 'playwright-core';
import { beforeEach, expect, test } from 'vitest';
import { open, windowsOn } from '../../test/e2e/windows.ts';

const the = windowsOn('chat');

async function enter(page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Come in' }).click();
  await open(page);
}

const field = (page: Page): Locator => page.getByRole('textbox');
const said = (page: Page, text: string): Locator => page.locator('.messages li').filter({ hasText: text });

async function say(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

beforeEach(() => Promise.all([enter(the.one, 'Ada'), enter(the.other, 'Bo')]));

test('whoever has come in can type at once', async () => {
  expect(await field(the.one).evaluate((element) => element === document.activeElement)).toBe(true);
});

test('a message is in the other window, under the name the server gave it, and only its author is offered to delete it', async () => {
  await say(the.one, 'The kettle is on.');
  const there = said(the.other, 'The kettle is on.');
  await there.getByText(/^Ada \d\d:\d\d$/).waitFor();
  expect(await there.getByRole('button').count()).toBe(0);
  await said(the.one, 'The kettle is on.').getByRole('button', { name: 'Delete' }).click();
  await there.waitFor({ state: 'detached' });
});

test('who comes is seen, who types is seen where they type, and who goes is not seen any more', async () => {
  const here = (page: Page, name: string): Locator => page.getByLabel('Here now').getByRole('img', { name, exact: true });
  await Promise.all([here(the.one, 'Bo').waitFor(), here(the.other, 'Ada').waitFor()]);
  await the.other.clock.install();
  await the.other.clock.pauseAt(Date.now() + 60_000); // no time passes for who types, until it is told to
  await field(the.other).pressSequentially('Wait');
  await the.one.getByText('Bo is typing').waitFor();
  await the.one.getByRole('button', { name: 'Garden' }).click();
  await the.one.getByText('Bo is typing').waitFor({ state: 'detached' });
  await the.one.getByRole('button', { name: 'Kitchen' }).click();
  await the.one.getByText('Bo is typing').waitFor();
  await the.other.clock.runFor(3_000); // a pause is enough
  await the.one.getByText('Bo is typing').waitFor({ state: 'detached' });
  await the.other.close();
  await here(the.one, 'Bo').waitFor({ state: 'detached' });
  await here(the.one, 'Ada').waitFor();
});

test('a room has its own messages alone', async () => {
  await said(the.one, 'Who has the big ladle?').waitFor();
  await the.one.getByRole('button', { name: 'Garden' }).click();
  await said(the.one, 'The beans are up!').waitFor();
  await said(the.one, 'Who has the big ladle?').waitFor({ state: 'detached' });
});

test('a message that is refused leaves the list, says why, and is back in the field', async () => {
  const long = 'word '.repeat(60).trim();
  await say(the.one, long);
  await the.one.getByRole('alert').getByText('A message has at most 280 characters.').waitFor();
  expect(await field(the.one).inputValue()).toBe(long);
  await said(the.one, long).waitFor({ state: 'detached' });
});

test('what is said while the server is away is sent when it is back, in order and once; and presence is as before', async () => {
  await the.demo.stop();
  await the.one.locator('.status:not([data-status=open])').waitFor();
  await say(the.one, 'First, offline.');
  await say(the.one, 'Second, offline.');
  await said(the.one, 'First, offline.').getByText('sending …').waitFor();
  await the.one.getByText('Offline, 2 to send').waitFor();
  await the.restarted();
  await said(the.other, 'Second, offline.').waitFor();
  expect(await the.other.locator('.messages li', { hasText: 'offline.' }).locator('.bubble > p:last-child').allInnerTexts()).toEqual([
    'First, offline.',
    'Second, offline.',
  ]);
  await the.one.getByText('sending …').waitFor({ state: 'detached' });
  await the.one.getByLabel('Here now').getByRole('img', { name: 'Bo' }).waitFor();
});
