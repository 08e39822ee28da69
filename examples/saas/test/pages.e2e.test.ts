import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { launch, live, started, visit, type Started, type Visitor } from './started.ts';

// Two tenants, three people: Ada owns Juniper, Bo owns Harbour, and Kim looks at the one and works in the other.

let app: Started;
let browser: Browser;
let ada: Visitor;
let bo: Visitor;
let kim: Visitor;

beforeAll(async () => {
  [app, browser] = await Promise.all([started(), launch()]);
  [ada, bo, kim] = await Promise.all([
    visit(browser, app.origin, 'ada@juniper.example'),
    visit(browser, app.origin, 'bo@harbour.example'),
    visit(browser, app.origin, 'kim@example.com'),
  ]);
  await kim.page.getByRole('link', { name: 'Juniper Studio' }).click();
});

afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
});

const card = (page: Page, title: string) => page.getByRole('button', { name: title, exact: true });
const column = (page: Page, name: string) => page.getByRole('region', { name });
const sheet = (page: Page) => page.getByRole('dialog', { name: 'Task' });

async function add(page: Page, title: string): Promise<void> {
  await page.getByLabel('Add a task').fill(title);
  await page.getByLabel('Add a task').press('Enter');
  await card(page, title).waitFor();
}

test('the first page has its rows before any script runs; the script goes on from there and reads nothing again', async () => {
  const first = await vi.waitUntil(() => ada.came.find((body) => body.includes('<div id="root">') && body.includes('Board')), 60_000);
  expect(first).toContain('Sketch the onboarding flow</button>');
  expect(first).not.toContain('Ethiopian');
  await expect.poll(() => ada.frames.filter((frame) => frame.includes('"ready"')).length).toBeGreaterThanOrEqual(3);
  expect(ada.frames.filter((frame) => frame.includes('"rows"') || frame.includes('onboarding'))).toEqual([]);
  expect(ada.errors).toEqual([]);
});

test('a task is on the screens of its organisation at once, and not one byte of it comes to another', async () => {
  await add(ada.page, 'CANARY of Juniper');
  await card(kim.page, 'CANARY of Juniper').waitFor();
  expect(await kim.page.getByLabel('Add a task').count()).toBe(0); // a viewer
  await bo.page.getByLabel('Add a task').fill('In Harbour');
  await bo.page.getByLabel('Add a task').press('Enter');
  await card(bo.page, 'In Harbour').waitFor(); // what was committed before has come, if it comes
  expect(bo.came.filter((text) => text.includes('CANARY') || text.includes('Juniper'))).toEqual([]);
  expect((await bo.page.request.get(`${app.origin}/juniper`)).status()).toBe(404);
});

test('another role counts at once, on a page that is open', async () => {
  await ada.page.getByRole('link', { name: 'People' }).click();
  await ada.page.getByLabel('Role of Kim Okafor').selectOption('editor');
  await kim.page.getByLabel('Add a task').waitFor();
  await ada.page.getByLabel('Role of Ada Marsh').selectOption('viewer');
  await ada.page.getByText('An organisation keeps at least one owner.').waitFor();
  await expect.poll(() => ada.page.getByLabel('Role of Ada Marsh').inputValue()).toBe('owner');
  await ada.page.getByRole('link', { name: 'Board' }).click();
});

test('what is typed survives a refusal and what somebody else makes of the same field', async () => {
  await card(ada.page, 'CANARY of Juniper').click();
  await card(kim.page, 'CANARY of Juniper').click();
  const [hers, theirs] = [sheet(ada.page), sheet(kim.page)];
  await hers.getByLabel('Notes').fill('Typed by Ada');
  await hers.getByLabel('Title').fill('  ');
  await hers.getByRole('button', { name: 'Save' }).click();
  await hers.getByText('Give it a title.').waitFor();
  await hers.getByLabel('Title').fill('As Ada has it');
  await theirs.getByLabel('Title').fill('As Kim has it');
  await theirs.getByRole('button', { name: 'Save' }).click();
  await hers.getByText('Somebody made this As Kim has it').waitFor();
  expect(await hers.getByLabel('Title').inputValue()).toBe('As Ada has it');
  expect(await hers.getByLabel('Notes').inputValue()).toBe('Typed by Ada');
  await hers.getByRole('button', { name: 'Save' }).click();
  await hers.getByText('Somebody else changed this meanwhile').waitFor();
  await hers.getByRole('button', { name: 'Keep mine' }).click();
  await hers.getByRole('button', { name: 'Save' }).click();
  await hers.waitFor({ state: 'detached' });
  await card(kim.page, 'As Ada has it').waitFor();
});

test('a command gives a task to a member; the endpoint that was there finishes it', async () => {
  await card(ada.page, 'As Ada has it').click();
  await sheet(ada.page).getByLabel('Assigned to').selectOption('Kim Okafor');
  const item = column(kim.page, 'To do').getByRole('listitem').filter({ hasText: 'As Ada has it' });
  await item.getByTitle('Kim Okafor').waitFor();
  await ada.page.keyboard.press('Escape');
  await ada.page.getByRole('button', { name: 'Finish As Ada has it' }).click();
  await column(kim.page, 'Done').getByText('As Ada has it').waitFor();
  await column(ada.page, 'Done').getByText('As Ada has it').waitFor();
});

test('a deleted task leaves every screen, and comes back from the trash', async () => {
  await card(ada.page, 'As Ada has it').click();
  await card(kim.page, 'As Ada has it').click();
  await sheet(ada.page).getByRole('button', { name: 'Move to trash' }).click();
  await sheet(kim.page).getByText('This task is in the trash now.').waitFor();
  await kim.page.keyboard.press('Escape');
  await card(kim.page, 'As Ada has it').waitFor({ state: 'detached' });
  await kim.page.getByRole('link', { name: 'Trash' }).click();
  await kim.page.getByRole('listitem').filter({ hasText: 'As Ada has it' }).getByRole('button', { name: 'Restore' }).click();
  await column(ada.page, 'Done').getByText('As Ada has it').waitFor();
});

test('who is made a member has the organisation on the screen by itself, and who is removed has nothing of it any more', async () => {
  await ada.page.getByRole('link', { name: 'People' }).click();
  await ada.page.getByLabel('Their e-mail').fill('bo@harbour.example');
  await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
  await bo.page.getByRole('link', { name: 'Juniper Studio' }).click();
  await card(bo.page, 'As Ada has it').waitFor();
  await ada.page.getByRole('button', { name: 'Remove Bo Lindqvist' }).click();
  await bo.page.getByRole('heading', { name: 'Nothing here' }).waitFor();
  expect(await bo.page.getByText('As Ada has it').count()).toBe(0);
});

test('signing out ends what is live in every window of the session, and nobody comes in again with it', async () => {
  const second = await ada.page.context().newPage();
  await second.goto(`${app.origin}/juniper/trash`);
  await live(second);
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  await second.getByRole('heading', { name: 'Welcome back' }).waitFor();
  await second.goto(`${app.origin}/juniper`);
  expect(new URL(second.url()).pathname).toBe('/sign-in');
});

test('nobody’s page complained of anything', () => {
  expect([ada.errors, bo.errors.filter((text) => !text.includes('404')), kim.errors]).toEqual([[], [], []]);
});

test('work goes on while the server is gone; it is sent when there is one again, and nobody was signed out', async () => {
  await bo.page.getByRole('link', { name: 'Harbour Coffee' }).click();
  await app.stop();
  await add(bo.page, 'While nobody served');
  await bo.page.getByText('1 to send').waitFor();
  await app.start('development'); // without a build: Vite serves the pages as they are written
  await bo.page.evaluate(() => dispatchEvent(new Event('online'))); // or a while later, by itself
  await live(bo.page);
  await kim.page.goto(`${app.origin}/harbour`);
  await live(kim.page);
  await card(kim.page, 'While nobody served').waitFor();
  await add(kim.page, 'After the restart');
  await card(bo.page, 'After the restart').waitFor();
  expect(await bo.page.getByText('While nobody served').count()).toBe(1);
  expect(kim.errors.filter((text) => !text.includes('WebSocket') && !text.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
});
