import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { CpuProfile } from './flame.ts';
import { Going, going } from './going.ts';
import { interleaved } from './measure.ts';
import { Part, type Cpu } from './process.ts';

let folder = '';
const started: Going[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.kill()));
  await rm(folder, { recursive: true, force: true });
});

async function begin(profile?: 'cpu' | 'heap'): Promise<{ mine: Going; part: Part }> {
  folder = await mkdtemp(join(tmpdir(), 'rowcast-bench-test-'));
  const mine = new Going('fanout', profile, folder);
  started.push(mine);
  return { mine, part: going.run(mine, () => new Part('fanout-socket')) };
}

test('a part that is gone fails who waits for it and who asks it later, and nobody waits for its end', async () => {
  const { mine, part } = await begin();
  expect(await part.ask<number>('listen')).toBeGreaterThan(0);
  const waiting = part.ask('run', { ticks: 1e9, each: 1, bytes: 1 });
  const [waited] = await Promise.allSettled([waiting, mine.kill()]);
  expect(waited).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('fanout-socket ended') as string } });
  await expect(part.ask('cpu')).rejects.toThrow('fanout-socket is gone');
  await part.stop();
  expect(mine.parts.size).toBe(0);
});

test('a part that is asked for what it does not know says so', async () => {
  const { part } = await begin();
  await expect(part.ask('jump')).rejects.toThrow('not jump');
});

test('a part is profiled from the first pass that counts to the last, and not beside them', async () => {
  const { mine, part } = await begin('cpu');
  const busy = (): Promise<unknown> => part.ask('run', { ticks: 300, each: 1, bytes: 10 });
  await busy(); // warm
  const seen: string[] = [];
  await going.run(mine, () =>
    interleaved(2, {
      rowcast: async () => {
        seen.push(...(await readdir(folder)));
        await busy();
        return (await part.ask<Cpu>('cpu')).us;
      },
    }),
  );
  expect(seen).toEqual([]);
  expect((await readdir(folder)).toSorted()).toEqual(['fanout-fanout-socket-1.cpuprofile', 'fanout-fanout-socket-1.svg']);
  const profile = JSON.parse(await readFile(join(folder, 'fanout-fanout-socket-1.cpuprofile'), 'utf8')) as CpuProfile;
  expect(profile.samples?.length).toBeGreaterThan(0);
  await busy();
  expect(await readdir(folder)).toHaveLength(2);
});

test('a profile of memory says what was allocated, and what is there', async () => {
  const { mine, part } = await begin('heap');
  await going.run(mine, () => interleaved(1, { rowcast: async () => (await part.ask<Cpu>('cpu')).us }));
  expect((await readdir(folder)).toSorted()).toEqual(['fanout-fanout-socket-1.heapprofile', 'fanout-fanout-socket-1.heapsnapshot']);
});
