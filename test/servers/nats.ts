import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BIN = '/usr/sbin/nats-server';

/** Debian's: `apt-get install nats-server`. Where it is missing a test says so; in CI it fails. */
export const HAS_NATS: boolean = existsSync(BIN) || process.env['CI'] !== undefined;
if (!HAS_NATS) process.stderr.write('skipped: nats-server is not installed (apt-get install nats-server)\n');

export interface NatsOptions {
  /** Lines of its configuration, over the launcher's own. */
  readonly config?: string;
  /** Default: true. */
  readonly jetStream?: boolean;
  /** Servers of a cluster that this one is of: their names by the port they hear each other at. */
  readonly cluster?: { readonly port: number; readonly routes: readonly number[] };
}

/**
 * A nats-server of its own on a free port, its data in a temporary folder; it dies with this process, whatever ends it.
 *
 * @example await using server = await startNats()
 */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  /** As the servers of a cluster call it. */
  readonly name: string;
  pid(): Promise<number>;
  start(): Promise<void>;
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
  /** While it is down: its streams are gone; or kept as they are; or again as they were kept. */
  empty(): Promise<void>;
  keep(): Promise<void>;
  restore(): Promise<void>;
}

// The server dies, and its folder goes, as soon as our end of the pipe closes: also when this process is killed and no handler of it runs.
const GUARD = `exec 3<&0; dir=$1; shift
"$@" & server=$!
echo "pid $server" >&2
( cat <&3 >/dev/null; : >"$dir/orphaned"; kill -CONT $server; kill -KILL $server ) & guard=$!
wait $server; code=$?
if [ -e "$dir/orphaned" ]; then rm -rf "$dir"; else kill $guard; fi 2>/dev/null
exit $code`;

export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const dir = await mkdtemp(join(tmpdir(), 'rowcast-nats-'));
  const server = new LocalNats(dir, await freePort());
  try {
    await writeFile(join(dir, 'nats.conf'), configOf(dir, server.port, options));
    await server.start();
    return server;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Three servers that keep JetStream together. */
export async function startNatsCluster(): Promise<readonly NatsServer[]> {
  const routes = await Promise.all([freePort(), freePort(), freePort()]);
  return Promise.all(routes.map((port) => startNats({ cluster: { port, routes } })));
}

function configOf(dir: string, port: number, { config = '', jetStream = true, cluster }: NatsOptions): string {
  return [
    `listen: "127.0.0.1:${port}"`,
    `server_name: "n${port}"`,
    ...(jetStream ? [`jetstream { store_dir: "${join(dir, 'data')}" }`] : []),
    ...(cluster
      ? [
          `cluster { name: test, listen: "127.0.0.1:${cluster.port}", routes: [${cluster.routes.map((each) => `"nats://127.0.0.1:${each}"`).join(', ')}] }`,
        ]
      : []),
    config,
    '',
  ].join('\n');
}

class LocalNats implements NatsServer {
  readonly port: number;
  readonly #dir: string;
  #child: ChildProcess | null = null;
  #pid = 0;

  constructor(dir: string, port: number) {
    this.#dir = dir;
    this.port = port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get name(): string {
    return `n${this.port}`;
  }

  async pid(): Promise<number> {
    return this.#pid;
  }

  async start(): Promise<void> {
    const child = spawn('sh', ['-c', GUARD, 'sh', this.#dir, BIN, '-c', join(this.#dir, 'nats.conf')], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.#child = child;
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      said.push(line);
      if (line.startsWith('pid ')) this.#pid = Number(line.slice(4));
      if (line.includes('Server is ready')) {
        child.stderr?.resume();
        return;
      }
    }
    throw new Error(`nats-server did not start:\n${said.join('\n')}`);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const gone = once(child, 'exit');
    process.kill(this.#pid, signal);
    await gone;
    this.#child = null;
  }

  freeze(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  async empty(): Promise<void> {
    await rm(join(this.#dir, 'data'), { recursive: true, force: true });
  }

  async keep(): Promise<void> {
    await rm(join(this.#dir, 'kept'), { recursive: true, force: true });
    await cp(join(this.#dir, 'data'), join(this.#dir, 'kept'), { recursive: true });
  }

  async restore(): Promise<void> {
    await this.empty();
    await cp(join(this.#dir, 'kept'), join(this.#dir, 'data'), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
