import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Debian's: `apt-get install redis-server`. */
const BINARY = '/usr/bin/redis-server';

export interface RedisServerOptions {
  /** Settings over the launcher's own: `{ appendonly: 'yes', maxmemory: '50mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A node of a cluster, which has all of its slots. */
  readonly cluster?: boolean;
}

/** A Redis of its own on a free port, its files in a temporary folder; it dies with this process, whatever ends it. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  pid(): Promise<number>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Stops it where it is, as a frozen machine does; `SIGCONT` lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** After `kill`: the same files, the same port. */
  start(): Promise<void>;
}

// As with Postgres: it dies, and its folder goes, as soon as our end of the pipe closes.
const GUARD = `exec 3<&0; dir=$1; shift
"$@" & server=$!
( cat <&3 >/dev/null; : >"$dir/orphaned"; kill -KILL $server ) & guard=$!
wait $server; code=$?
if [ -e "$dir/orphaned" ]; then rm -rf "$dir"; else kill $guard; fi 2>/dev/null
exit $code`;

/** Why tests over Redis cannot run here; null when they can. Where everything must run, missing is a failure, so they do run. */
export function redisMissing(): string | null {
  if (existsSync(BINARY) || process.env['CI']) return null;
  return 'there is no redis-server: apt-get install redis-server';
}

export async function startRedis({ settings = {}, cluster = false }: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'rowcast-redis-'));
  try {
    const set = {
      bind: '127.0.0.1',
      save: '',
      appendonly: 'no',
      'repl-diskless-sync-delay': '0',
      pidfile: join(dir, 'pid'),
      dir,
      ...settings,
    };
    const port = await freePort();
    const talk = cluster ? await freePort() : null;
    const args = Object.entries({
      ...set,
      port: String(port),
      ...(talk !== null && { 'cluster-enabled': 'yes', 'cluster-port': String(talk), 'cluster-announce-ip': '127.0.0.1' }),
    });
    const server = new LocalRedis(dir, port, args.flatMap(([name, value]) => [`--${name}`, value])); // prettier-ignore
    await server.start();
    if (cluster) {
      await server.cli('cluster', 'addslotsrange', '0', '16383');
      while (!(await server.cli('cluster', 'info')).includes('cluster_state:ok'));
    }
    return server;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

class LocalRedis implements RedisServer {
  readonly port: number;
  readonly #dir: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;

  constructor(dir: string, port: number, args: readonly string[]) {
    this.#dir = dir;
    this.port = port;
    this.#args = args;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const child = spawn('sh', ['-c', GUARD, 'sh', this.#dir, BINARY, ...this.#args], {
      cwd: this.#dir,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with code ${code}:\n${said}`)));
      child.stdout.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-8_192);
        if (/Ready to accept connections/.test(said)) resolve();
      });
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = null;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(await this.pid(), 'SIGKILL');
    await ended;
  }

  async signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    process.kill(await this.pid(), signal);
  }

  async cli(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(this.port), ...args]);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async pid(): Promise<number> {
    return Number(await readFile(join(this.#dir, 'pid'), 'utf8'));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}
