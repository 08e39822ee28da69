import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Milliseconds until what is awaited in a page is taken for something that does not come. */
export const PATIENCE = 60_000;

export function launch(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`no browser at ${executablePath}: apt-get install chromium, or set CHROMIUM`);
  return chromium.launch({ executablePath, headless: true, args: ARGS, timeout: 2 * PATIENCE });
}

/** A window with cookies of its own, and every byte of text that came into it. */
export interface Visitor {
  readonly page: Page;
  /** Frames of its sockets, in order. */
  readonly frames: string[];
  /** Bodies of all it was answered over HTTP. */
  readonly bodies: string[];
  /** What went wrong in the page. */
  readonly errors: string[];
}

export async function visitor(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 860 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const seen: Visitor = { page, frames: [], bodies: [], errors: [] };
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => seen.frames.push(String(payload))));
  page.on('pageerror', (error) => seen.errors.push(error.message));
  page.on('response', (response) => {
    response.text().then(
      (text) => seen.bodies.push(text),
      () => undefined, // a redirect has no body
    );
  });
  return seen;
}

export async function live(page: Page): Promise<void> {
  await page.locator('.pill[data-status=open]').waitFor();
  await page.locator('[aria-busy]').waitFor({ state: 'detached' });
}

/**
 * What a window does that comes to the front: whoever waited to try again tries at once. A headless browser shows every page always, and has
 * to be told. Again and again: whoever was just then trying in vain waits after that.
 *
 * @param back is there when it has come back.
 */
export async function lookAt(page: Page, back: Locator): Promise<void> {
  const isBack = back.waitFor();
  const look = (): Promise<void> => page.evaluate(() => void document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
  let looking = true;
  const stop = (): void => void (looking = false);
  isBack.then(stop, stop);
  while (looking) await Promise.all([look(), setTimeout(200)]);
  await isBack;
}

export async function signIn(page: Page, role: 'reader' | 'editor'): Promise<void> {
  await page.getByRole('button', { name: role === 'editor' ? 'Editor' : 'Reader', exact: true }).click();
  await page.locator(`body[data-role=${role}]`).waitFor();
  await live(page);
}
