import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An example as a newcomer runs it, in a folder of its own. */
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

/** `npm start`. */
export const startDemo = (env: Readonly<Record<string, string>> = {}): Promise<Demo> => startExample('live-blog', env);

/** `node examples/<name>/server.ts`. */
export async function startExample(name: string, env: Readonly<Record<string, string>> = {}): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-demo-'));
  const demo = new Child(fileURLToPath(new URL(`../../examples/${name}/server.ts`, import.meta.url)), folder, env);
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
  readonly #server: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ReturnType<typeof run> | null = null;
  #port = '0';

  constructor(server: string, folder: string, env: Readonly<Record<string, string>>) {
    this.#server = server;
    this.folder = folder;
    this.#env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const child = run(this.#server, this.folder, { ...this.#env, PORT: this.#port });
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

function run(server: string, cwd: string, env: Readonly<Record<string, string>>) {
  const { DATABASE_URL: _elsewhere, ...inherited } = process.env;
  return spawn(process.execPath, [server], { cwd, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}
