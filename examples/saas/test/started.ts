import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { chromium, type Browser, type Page } from 'playwright-core';
import { freePort } from '../server/embedded.ts';
import { PASSWORD } from '../server/seed.ts';

/** `node start.ts`, as anybody runs it, in a folder of its own. */
export async function started(mode: 'development' | 'production'): Promise<AsyncDisposable & { readonly origin: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'saas-'));
  await chmod(folder, 0o755); // where root runs this, Postgres is somebody else
  const port = String(await freePort());
  const { DATABASE_URL: _elsewhere, ...inherited } = process.env;
  const env = { ...inherited, PORT: port, NODE_ENV: mode, BETTER_AUTH_SECRET: randomBytes(32).toString('base64url') };
  const run = (file: string) =>
    spawn(process.execPath, [resolve(import.meta.dirname, '..', file)], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  if (mode === 'production') expect(await once(run('build.ts'), 'exit')).toEqual([0, null]);
  const child = run('start.ts');
  await saidReady(child);
  return {
    origin: `http://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function saidReady(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise((ready, failed) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (/^ready /m.test(said)) ready();
      });
    }
    child.once('exit', (code) => failed(new Error(`it ended with code ${code}:\n${said}`)));
  });
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
}

/** Somebody at a window of their own. */
export interface Visitor {
  readonly page: Page;
  /** All that came into the page: bodies of answers, and frames of its sockets. */
  readonly came: string[];
  /** What its sockets brought since it was signed in. */
  readonly frames: string[];
  /** What the page complained of. */
  readonly errors: string[];
}

/** Signed in, and live. */
export async function visit(browser: Browser, origin: string, email: string): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 } });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const visitor: Visitor = { page, came: [], frames: [], errors: [] };
  page.on('console', (message) => message.type() === 'error' && visitor.errors.push(message.text()));
  page.on('pageerror', (error) => visitor.errors.push(error.message));
  page.on('response', (response) => {
    response.text().then(
      (text) => visitor.came.push(text),
      () => undefined, // a redirect has no body
    );
  });
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      visitor.frames.push(String(payload));
      visitor.came.push(String(payload));
    }),
  );
  await page.goto(`${origin}/`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await live(page);
  return visitor;
}

export const live = (page: Page): Promise<void> => page.locator('.link[data-status=open]').waitFor();
