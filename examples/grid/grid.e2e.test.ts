import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { open, windowsOn } from '../../test/e2e/windows.ts';
import type { Field } from './columns.ts';

const the = windowsOn('grid');
const cell = (page: Page, id: number, field: Field): Locator => page.locator(`[data-cell="${id}.${field}"]`);
const shows = (page: Page, id: number, field: Field, text: string): Promise<void> =>
  cell(page, id, field).getByText(text, { exact: true }).waitFor();

/** As somebody types into a cell who has just come to it. */
async function type(page: Page, [id, field]: readonly [number, Field], text: string): Promise<void> {
  await cell(page, id, field).click();
  await page.keyboard.type(text);
}

function stored(id: number): Record<string, unknown> {
  const database = new DatabaseSync(join(the.demo.folder, 'data', 'grid.db'));
  try {
    return { ...database.prepare('SELECT * FROM item WHERE id = ?').get(id) };
  } finally {
    database.close();
  }
}

test('two people type into two cells of one row at the same time, and both have both', async () => {
  await Promise.all([type(the.one, [3, 'name'], 'Painted Sage'), type(the.other, [3, 'stock'], '71')]);
  await Promise.all([the.one.keyboard.press('Enter'), the.other.keyboard.press('Enter')]);
  for (const page of [the.one, the.other]) {
    await shows(page, 3, 'name', 'Painted Sage');
    await shows(page, 3, 'stock', '71');
  }
  await expect.poll(() => stored(3)).toMatchObject({ name: 'Painted Sage', stock: 71 });
});

test('who is in which cell is seen, and is not seen any more when they have gone', async () => {
  await cell(the.other, 4, 'shelf').click();
  await cell(the.one, 4, 'shelf').locator('.cursor').waitFor();
  await the.other.keyboard.press('ArrowRight');
  await cell(the.one, 4, 'stock').locator('.cursor').waitFor();
  await expect.poll(() => the.one.locator('.cursor').count()).toBe(1);
  await the.other.close();
  await the.one.locator('.cursor').waitFor({ state: 'detached' });
});

test('what somebody else makes of a cell that is typed into is shown beside it, to be taken or not', async () => {
  await type(the.one, [5, 'note'], 'Half a thou');
  await type(the.other, [5, 'note'], 'A whole one');
  await the.other.keyboard.press('Enter');
  await cell(the.one, 5, 'note').getByRole('status').getByText('A whole one').waitFor();
  expect(await cell(the.one, 5, 'note').getByRole('textbox').inputValue()).toBe('Half a thou');
  await the.one.getByRole('button', { name: 'Keep mine' }).click();
  await the.one.keyboard.type('ght');
  await the.one.keyboard.press('Enter');
  await shows(the.other, 5, 'note', 'Half a thought');

  await type(the.one, [5, 'note'], 'Mine');
  await type(the.other, [5, 'note'], 'Theirs');
  await the.other.keyboard.press('Enter');
  await the.one.getByRole('button', { name: 'Take' }).click();
  await shows(the.one, 5, 'note', 'Theirs');
  expect(stored(5)).toMatchObject({ note: 'Theirs' });
});

test('what is refused stays in its cell with the reason, and nobody else sees it; Escape gives it up', async () => {
  await type(the.one, [6, 'shelf'], 'Z9');
  await the.one.keyboard.press('Enter');
  await cell(the.one, 6, 'shelf').getByRole('alert').getByText('A1 to F9').waitFor();
  await shows(the.one, 6, 'shelf', 'Z9');
  await shows(the.other, 6, 'shelf', 'F8');
  await cell(the.one, 6, 'shelf').dblclick();
  await the.one.keyboard.press('Escape');
  await shows(the.one, 6, 'shelf', 'F8');
  expect(stored(6)).toMatchObject({ shelf: 'F8' });
});

test('one cell that is refused keeps none of its neighbours, typed at the same time, from being saved; its reason lies over none', async () => {
  await type(the.one, [7, 'name'], 'Blue Pea');
  for (const text of ['Tab', 'Z9', 'Tab', '12', 'Enter'])
    await (text.length > 2 ? the.one.keyboard.press(text) : the.one.keyboard.type(text));
  await shows(the.other, 7, 'name', 'Blue Pea');
  await shows(the.other, 7, 'stock', '12');
  const why = cell(the.one, 7, 'shelf').getByRole('alert').getByText('A1 to F9');
  await why.waitFor();
  expect(await the.one.getByRole('alert').count()).toBe(1);
  expect(stored(7)).toMatchObject({ name: 'Blue Pea', stock: 12, shelf: expect.not.stringContaining('Z') });
  const [note, below] = await Promise.all([why.boundingBox(), cell(the.one, 8, 'shelf').boundingBox()]);
  expect(note && note.y + note.height).toBeLessThanOrEqual(below?.y ?? 0);
});

test('a number that is stepped many times is in the end what it was stepped to, on both screens', async () => {
  await cell(the.one, 8, 'stock').click();
  const before = Number(await cell(the.one, 8, 'stock').innerText());
  for (let times = 0; times < 20; times++) await the.one.keyboard.press('+');
  await shows(the.one, 8, 'stock', String(before + 20));
  await shows(the.other, 8, 'stock', String(before + 20));
});

test('rows are sorted and filtered as they change, and the arrows follow what is shown', async () => {
  await the.one.getByLabel('Find').fill('winter');
  await the.one.getByRole('button', { name: 'Stock', exact: true }).click();
  await the.one.getByText('20 items').waitFor();
  const numbers = async (): Promise<number[]> => (await the.one.locator('td.number:nth-child(4)').allInnerTexts()).map(Number);
  const sorted = (await numbers()).toSorted((one, other) => one - other);
  await expect.poll(numbers).toEqual(sorted);
  const first = Number((await the.one.locator('td').first().getAttribute('data-cell'))?.split('.')[0]);
  await type(the.other, [first, 'stock'], '9000');
  await the.other.keyboard.press('Enter');
  await the.one.locator('tr:last-child', { has: cell(the.one, first, 'stock') }).waitFor();
  await the.one.locator('td').first().click();
  await the.one.keyboard.press('ArrowDown');
  await expect.poll(() => the.one.evaluate(() => document.activeElement?.closest('tr')?.rowIndex)).toBe(2);
});

test('Tab comes to the grid, and the keyboard alone goes on from there', async () => {
  await cell(the.one, 1, 'sku').waitFor();
  await the.one.getByRole('button', { name: 'Note' }).focus();
  for (const key of ['Tab', 'ArrowRight', 'ArrowDown', 'Enter']) await the.one.keyboard.press(key);
  const name = cell(the.one, 2, 'name');
  expect(await name.getByRole('textbox').inputValue()).toBe('Early Tomato seeds');
  await name.getByRole('textbox').fill('Early Tomato plants');
  await the.one.keyboard.press('Tab');
  await shows(the.other, 2, 'name', 'Early Tomato plants');
  await expect.poll(() => cell(the.one, 2, 'shelf').evaluate((element) => element === document.activeElement)).toBe(true);
});

test('what is typed while the server is away is on the screen, and everywhere when it is back', async () => {
  await Promise.all([open(the.one), open(the.other)]);
  await the.demo.stop();
  await the.one.locator('.status:not([data-status=open])').waitFor();
  await type(the.one, [2, 'note'], 'In the dark');
  await the.one.keyboard.press('Enter');
  await shows(the.one, 2, 'note', 'In the dark');
  await the.one.getByText('Offline, 1 to send').waitFor();
  await the.restarted();
  await shows(the.other, 2, 'note', 'In the dark');
});
