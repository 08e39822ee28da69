import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { writing } from '../../parts/peer-writes.ts';
import { answer, type Cpu } from '../../process.ts';

// zero-cache as it runs in production, on one machine: it counts its workers by the cores. Beside it, in this process and not counted, what an
// app has to bring: the endpoint that says what the query of a name is, and a connection that writes.

const ZERO = fileURLToPath(new URL('./node_modules/@rocicorp/zero/out/zero/src/cli.js', import.meta.url));
/** Microseconds in one tick of the kernel's clock of processes. */
const TICK = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'rowcast-zero-'));
let app: pg.Pool;
let zero: ChildProcess | undefined;
process.on('exit', () => {
  // It has been asked to end before, or there is no time for that: none of it may go on and write into the folder.
  for (const pid of zero?.pid !== undefined && zero.exitCode === null ? family(zero.pid) : []) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Every query is the one table. */
async function queries(): Promise<number> {
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const [, asked] = JSON.parse(body) as [string, { id: string; name: string }[]];
    const told = asked.map(({ id, name }) => ({ id, name, ast: { table: 'hot', orderBy: [['id', 'asc']] } }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(['transformed', told]));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** This process's children, theirs, and so on. */
function family(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (pid > 0) parents.set(pid, Number(statOf(pid)?.[1] ?? 0));
  }
  const found = [root];
  for (const at of found) for (const [pid, parent] of parents) if (parent === at) found.push(pid);
  return found;
}

/** From the state on: what comes before may have spaces in it. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined; // it has ended
  }
}

answer({
  async listen({ url }: { url: string }) {
    app = new pg.Pool({ connectionString: url, max: 4 });
    const port = await freePort();
    const env = {
      ...process.env,
      NODE_ENV: 'production',
      ZERO_UPSTREAM_DB: url,
      ZERO_REPLICA_FILE: join(folder, 'zero.db'),
      ZERO_QUERY_URL: `http://127.0.0.1:${await queries()}/`,
      ZERO_PORT: String(port),
      ZERO_CHANGE_STREAMER_PORT: String(await freePort()),
      ZERO_ADMIN_PASSWORD: 'bench',
      ZERO_LOG_LEVEL: 'error',
      ZERO_ENABLE_TELEMETRY: 'false',
      DO_NOT_TRACK: '1',
    };
    const cache = spawn(process.execPath, [ZERO], { env, cwd: folder, stdio: ['ignore', 2, 2] });
    zero = cache;
    const serves = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) }).catch(() => null))?.ok ?? false;
    while (!(await serves())) {
      if (cache.exitCode !== null) throw new Error(`zero-cache ended with ${cache.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return port;
  },
  cpu: (): Cpu => {
    const ticks = family(zero?.pid ?? 0).map((pid) => {
      const stat = statOf(pid);
      return stat ? Number(stat[11]) + Number(stat[12]) : 0;
    });
    return { us: ticks.reduce((sum, each) => sum + each, 0) * TICK };
  },
  ...writing((value) => app.query({ name: 'hot', text: 'UPDATE hot SET value = $1 WHERE id = 1', values: [value] })),
  async close() {
    const ended = new Promise((resolve) => zero?.once('exit', resolve));
    zero?.kill('SIGTERM');
    await ended;
    await app.end();
  },
});
