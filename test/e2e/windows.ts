import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launch, lookAt, visitor, type Visitor } from './browser.ts';
import { startExample, type Demo } from './demo.ts';

/** An example, and two people at it, each in a window of their own. */
export interface Windows {
  readonly demo: Demo;
  readonly one: Page;
  readonly other: Page;
  /** The server starts again, and both windows are looked at until they are back. */
  restarted(): Promise<void>;
}

/** Starts the example once, and opens both windows before each test. No page may complain of anything. */
export function windowsOn(name: string): Windows {
  let demo: Demo;
  let browser: Browser;
  let seen: readonly [Visitor, Visitor];

  beforeAll(async () => {
    [demo, browser] = await Promise.all([startExample(name), launch()]);
  });
  beforeEach(async () => {
    seen = await Promise.all([visitor(browser), visitor(browser)]);
    await Promise.all(seen.map(({ page }) => page.goto(demo.url)));
  });
  afterEach(async () => {
    await Promise.all(seen.map(({ page }) => page.context().close()));
    expect(seen.flatMap(({ errors }) => errors)).toEqual([]);
    expect(demo.said.err).toBe('');
  });
  afterAll(async () => {
    await browser?.close();
    await demo?.[Symbol.asyncDispose]();
  });

  return {
    get demo() {
      return demo;
    },
    get one() {
      return seen[0].page;
    },
    get other() {
      return seen[1].page;
    },
    async restarted() {
      await demo.start();
      await Promise.all(seen.map(({ page }) => lookAt(page, isOpen(page))));
    },
  };
}

const isOpen = (page: Page): Locator => page.locator('.status[data-status=open]');
export const open = (page: Page): Promise<void> => isOpen(page).waitFor();
