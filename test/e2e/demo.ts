import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../../examples/live-blog/server.ts', import.meta.url));

/** The demo as a newcomer runs it, in a folder of its own. */
export interface Demo extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  /** All it has said. */
  readonly said: { readonly out: string; readonly err: string };
  /** Ends it by SIGTERM. Gives its exit code. */
  stop(): Promise<number | null>;
  /** After `stop`: in the same folder, on the same port. */
  start(): Promise<void>;
}

export async function startDemo(env: Readonly<Record<string, string>> = {}): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-demo-'));
  const demo = new Child(folder, env);
  try {
    await demo.start();
    return demo;
  } catch (error) {
    await demo[Symbol.asyncDispose]();
    throw error;
  }
}

class Child implements Demo {
  readonly folder: string;
  readonly said = { out: '', err: '' };
  readonly #env: Readonly<Record<string, string>>;
  #child: ReturnType<typeof run> | null = null;
  #port = '0';

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const child = run(this.folder, { ...this.#env, PORT: this.#port });
    this.#child = child;
    const begun = this.said.out.length;
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => (this.said.err += chunk.toString()));
      child.stdout.on('data', (chunk: Buffer) => {
        this.said.out += chunk.toString();
        const port = /^ready http:\/\/127\.0\.0\.1:(\d+)$/m.exec(this.said.out.slice(begun))?.[1];
        if (port === undefined) return;
        this.#port = port;
        resolve();
      });
      child.once('exit', (code) => reject(new Error(`the demo ended with code ${code}:\n${this.said.err}`)));
      child.once('error', reject);
    });
  }

  async stop(): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (!child) return null;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function run(cwd: string, env: Readonly<Record<string, string>>) {
  const { DATABASE_URL: _elsewhere, ...inherited } = process.env;
  return spawn(process.execPath, [SERVER], { cwd, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}
