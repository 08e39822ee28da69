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
export interface Started extends AsyncDisposable {
  readonly origin: string;
  /** Ends it by SIGTERM. */
  stop(): Promise<void>;
  /** After `stop`: the same port, the same data. */
  start(mode: 'development' | 'production'): Promise<void>;
}

/** Built, and started for production. */
export async function started(): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'saas-'));
  await chmod(folder, 0o755); // where root runs this, Postgres is somebody else
  const port = String(await freePort());
  const { DATABASE_URL: _elsewhere, ...inherited } = process.env;
  const env = { ...inherited, PORT: port, BETTER_AUTH_SECRET: randomBytes(32).toString('base64url') };
  const run = (file: string, NODE_ENV: string) =>
    spawn(process.execPath, [resolve(import.meta.dirname, '..', file)], {
      cwd: folder,
      env: { ...env, NODE_ENV },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  let child: ChildProcess | null = null;
  const app: Started = {
    origin: `http://localhost:${port}`,
    async stop() {
      const stopping = child;
      child = null;
      if (!stopping || stopping.exitCode !== null) return;
      stopping.kill('SIGTERM');
      expect(await once(stopping, 'exit')).toEqual([0, null]);
    },
    async start(mode) {
      child = run('start.ts', mode);
      await saidReady(child);
    },
    async [Symbol.asyncDispose]() {
      await app.stop().finally(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    },
  };
  try {
    const build = run('build.ts', 'production');
    build.stderr.pipe(process.stderr);
    expect(await once(build, 'exit')).toEqual([0, null]);
    await app.start('production');
    return app;
  } catch (error) {
    await app[Symbol.asyncDispose]();
    throw error;
  }
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
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    timeout: 120_000,
  });
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
  page.setDefaultTimeout(60_000);
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
