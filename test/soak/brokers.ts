import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A broker's server, which may be killed, and may come back without its last entries. */
export interface BrokerServer extends AsyncDisposable {
  readonly port: number;
  /** Killed, and started again with what it had on its disk. */
  crash(downMs: number): Promise<void>;
  /** Goes on as it was some time ago. */
  failOver(): Promise<void>;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** What is appended meanwhile is lost in a failover. */
const BEHIND_MS = 1_500;

/** One server of somebody else's, on a port and in a folder of its own. */
class Program {
  readonly port: number;
  readonly #command: readonly string[];
  #child: ChildProcess | null = null;

  constructor(port: number, command: readonly string[]) {
    this.port = port;
    this.#command = command;
  }

  async start(): Promise<void> {
    const [name = '', ...args] = this.#command;
    const child = spawn(name, args, { stdio: 'ignore' });
    this.#child = child;
    let failed: Error | null = null;
    child.on('error', (error) => (failed = error));
    for (let tries = 0; tries < 400; tries++) {
      if (failed) throw new Error(`${name} does not start; on Debian: apt-get install ${name}`, { cause: failed });
      if (await answers(this.port)) return;
      await wait(25);
    }
    throw new Error(`${name} does not listen at ${this.port}`);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

/**
 * Redis, its log written to disk with every command; a failover is one to a replica that was cut off. `also`: addresses that it listens at beside
 * this machine's own.
 */
export async function redisServer(also: readonly string[] = []): Promise<BrokerServer> {
  const folder = await mkdtemp(join(tmpdir(), 'soak-redis-'));
  const port = await freePort();
  let number = 0;
  const make = async (at: number): Promise<Program> => {
    const dir = join(folder, String(++number));
    await mkdir(dir);
    const settings = [
      '--port',
      String(at),
      '--bind',
      '127.0.0.1',
      ...also,
      '--protected-mode',
      'no',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ];
    const program = new Program(at, ['redis-server', ...settings]);
    await program.start();
    return program;
  };
  let primary = await make(port);
  return {
    port,
    async crash(downMs) {
      await primary.end();
      await wait(downMs);
      await primary.start();
    },
    async failOver() {
      // A copy that follows, and then hears no more: what comes later it never had.
      const from = await freePort();
      const copy = await make(from);
      await redisSays(from, ['REPLICAOF', '127.0.0.1', String(port)], /\+OK/);
      for (let tries = 0; tries < 200; tries++) {
        if (/master_link_status:up/.test(await redisSays(from, ['INFO', 'replication'], /master_link_status/))) break;
        await wait(25);
      }
      await redisSays(from, ['REPLICAOF', 'NO', 'ONE'], /\+OK/);
      await wait(BEHIND_MS);
      await primary.end();
      // The address stays, as with a name that moves: another server, with what the copy had, answers at it.
      primary = await make(port);
      await redisSays(port, ['REPLICAOF', '127.0.0.1', String(from)], /\+OK/);
      for (let tries = 0; tries < 200; tries++) {
        if (/master_link_status:up/.test(await redisSays(port, ['INFO', 'replication'], /master_link_status/))) break;
        await wait(25);
      }
      await redisSays(port, ['REPLICAOF', 'NO', 'ONE'], /\+OK/);
      await copy.end();
    },
    async [Symbol.asyncDispose]() {
      await primary.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** NATS with JetStream; a failover is the store as it was when it was last stopped in good order. */
export async function natsServer(): Promise<BrokerServer> {
  const folder = await mkdtemp(join(tmpdir(), 'soak-nats-'));
  const port = await freePort();
  const store = join(folder, 'store');
  const program = new Program(port, ['nats-server', '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', store]);
  await program.start();
  return {
    port,
    async crash(downMs) {
      await program.end();
      await wait(downMs);
      await program.start();
    },
    async failOver() {
      const kept = join(folder, 'kept');
      await program.end('SIGTERM');
      await rm(kept, { recursive: true, force: true });
      await cp(store, kept, { recursive: true });
      await program.start();
      await wait(BEHIND_MS);
      await program.end();
      await rm(store, { recursive: true, force: true });
      await cp(kept, store, { recursive: true });
      await program.start();
    },
    async [Symbol.asyncDispose]() {
      await program.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (there: boolean) => (): void => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}

/** Says one thing to a Redis, and gives what it answers once that has what is waited for. */
function redisSays(port: number, command: readonly string[], enough: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.once('error', reject).once('close', () => reject(new Error(`redis: ${answer}`)));
    socket.on('data', (bytes) => {
      answer += String(bytes);
      if (!enough.test(answer)) return;
      resolve(answer);
      socket.destroy();
    });
    socket.write(`${command.map((word) => JSON.stringify(word)).join(' ')}\r\n`);
  });
}
