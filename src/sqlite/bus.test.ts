import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { testClock, TestLog, until } from '../../test/postgres/follower.ts';
import { MESSAGE_BYTES, type Bus, type GroupMessage, type OpenDatabase } from '../core/index.ts';
import { busSuite, type BusWorld } from '../testing/index.ts';
import { sqlite } from './index.ts';

interface Place extends AsyncDisposable {
  readonly file: string;
  open(): Promise<OpenDatabase>;
}

function place(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-bus-'));
  const file = join(folder, 'app.db');
  const made = new DatabaseSync(file);
  made.exec('PRAGMA user_version = 1');
  made.close();
  const all: OpenDatabase[] = [];
  return {
    file,
    async open() {
      const open = await sqlite(file).open([], { setup: 'auto', clock: testClock(), log: new TestLog() });
      all.push(open);
      return open;
    },
    async [Symbol.asyncDispose]() {
      for (const each of all) await each.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Another process, as a bus. */
async function otherProcess(file: string): Promise<Bus & { end(): Promise<void> }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../test/sqlite/bus-child.ts', import.meta.url)), file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const listeners = new Set<(message: GroupMessage) => void>();
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as GroupMessage | 'ready';
      if (said === 'ready') return resolve();
      for (const hear of listeners) hear(said);
    });
  });
  await ready;
  return {
    send: async (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    listen(hear) {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

const world = async (): Promise<BusWorld> => {
  const here = place();
  return {
    bus: (await here.open()).bus as Bus,
    another: async () => (await here.open()).bus as Bus,
    close: async () => here[Symbol.asyncDispose](),
  };
};

const processes = async (): Promise<BusWorld> => {
  const here = place();
  const others: { end(): Promise<void> }[] = [];
  return {
    bus: (await here.open()).bus as Bus,
    async another() {
      const other = await otherProcess(here.file);
      others.push(other);
      return other;
    },
    async close() {
      await Promise.all(others.map((other) => other.end()));
      await here[Symbol.asyncDispose]();
    },
  };
};

busSuite({ name: 'sqlite, by two connections', skip: [], open: world }, { describe, test });
busSuite({ name: 'sqlite, by two processes', skip: [], open: processes }, { describe, test });

const message = (payload: GroupMessage['payload']): GroupMessage => ({ group: 'g', stream: null, payload, except: null });

describe('messages in a file', () => {
  test('come from every process to every process, in the order of each sender', async () => {
    await using here = place();
    const all = [(await here.open()).bus as Bus, ...(await Promise.all([otherProcess(here.file), otherProcess(here.file)]))] as const;
    const heard: string[][] = all.map(() => []);
    for (const [at, bus] of all.entries()) bus.listen(({ payload }) => heard[at]?.push(String(payload)));
    for (let each = 0; each < 50; each++) for (const [at, bus] of all.entries()) void bus.send(message(`${at}.${each}`));
    await until(() => heard.every((each) => each.length === 150));
    const sent = Array.from({ length: 50 }, (_, each) => each);
    for (const each of heard)
      for (const at of [0, 1, 2]) expect(each.filter((one) => one.startsWith(`${at}.`))).toEqual(sent.map((one) => `${at}.${one}`));
    for (const each of all.slice(1)) await (each as Awaited<ReturnType<typeof otherProcess>>).end();
  });

  test('take no more room in it however many there are, and the last of them are there', async () => {
    await using here = place();
    const bus = (await here.open()).bus as Bus;
    const large = 'x'.repeat(300_000);
    for (let each = 0; each < 60; each++) await bus.send(message(large));
    const look = new DatabaseSync(here.file, { readOnly: true });
    const kept = () =>
      look.prepare('SELECT count(*) AS rows, sum(length(text)) AS bytes FROM _rowcast_sent').get() as { rows: number; bytes: number };
    expect(kept().bytes).toBeLessThan(9 * 1024 * 1024);
    expect(kept().rows).toBeGreaterThan(20);
    for (let each = 0; each < 600; each++) await bus.send(message(each));
    expect(kept().rows).toBeLessThan(510);
    look.close();
  });

  test('that are too large are refused with a name for it, and nobody is told', async () => {
    await using here = place();
    const bus = (await here.open()).bus as Bus;
    let heard = 0;
    bus.listen(() => heard++);
    await expect(bus.send(message('é'.repeat(MESSAGE_BYTES / 6)))).rejects.toMatchObject({ code: 'message_refused' });
    expect(heard).toBe(0);
    await bus.send(message('é'.repeat(MESSAGE_BYTES / 6 - 10)));
    expect(heard).toBe(1);
  });
});
