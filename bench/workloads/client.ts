import type { Page as Tab } from 'playwright-core';
import { launch } from '../../test/e2e/browser.ts';
import type { Measured, Page } from '../load/page.ts';
import { compare, counted, interleaved, type Result } from '../measure.ts';
import { Part, type Memory } from '../process.ts';
import type { Scale } from '../scale.ts';

const VISIBLE = 1_000;
const RATE = 1_000; // changes a second
/** Less than one object: what is collected is not exact to the byte. */
const LEFT = { figure: 'bytes of heap that each leaves', better: 'less', targets: [{ limit: 64 }] } as const;

/** What a page does with what it is told: rows that change, and views that come and go. */
export async function client(scale: Scale): Promise<readonly Result[]> {
  return [...(await applying(scale)), ...(await coming(scale)), ...(scale.seconds > 0 ? await showing(scale) : [])];
}

async function applying({ passes, held, writes }: Scale): Promise<readonly Result[]> {
  const part = new Part('client-rows');
  try {
    await part.ask('fill', { rows: held });
    const results: Result[] = [];
    for (const each of [1, 10]) {
      const told: Record<string, number[]> = { rowcast: [] };
      const commits = Math.ceil(writes / each);
      const run = (looking: string) => async (): Promise<number> => {
        const applied = await part.ask<{ us: number; told: number }>('apply', { commits, each, looking });
        told.rowcast?.push(applied.told);
        return applied.us;
      };
      const runs = {
        'nobody looks': run('nobody'),
        'all rows after each commit': run('rows'),
        'select, 50 of them in order': run('select'),
        'JSON.parse and Map.set': () => part.ask<number>('floor', { commits, each }),
      };
      for (const one of Object.values(runs)) await one(); // warm
      told.rowcast = [];
      const workload = `client: ${held} rows, commits of ${each}`;
      results.push(
        compare({ workload, figure: 'µs for each change', better: 'less', targets: [{ limit: 20 }] }, await interleaved(passes, runs)),
        compare({ workload, figure: 'notifications for each commit', better: 'less', targets: [{ limit: 1 }] }, told),
      );
    }
    return results;
  } finally {
    await part.stop();
  }
}

/** Bytes that stay of a view that was asked for and left. */
async function coming({ passes, rounds }: Scale): Promise<readonly Result[]> {
  const server = new Part('client-server');
  const part = new Part('client-rounds');
  try {
    const port = await server.ask<number>('listen');
    await server.ask('fill', { count: 1 });
    await part.ask('open', { port });
    await part.ask('rounds', { count: rounds }); // warm
    const left: number[] = [];
    for await (const _pass of counted(passes)) {
      const before = await part.ask<Memory>('memory');
      await part.ask('rounds', { count: rounds });
      left.push(((await part.ask<Memory>('memory')).used - before.used) / rounds);
    }
    return [compare({ ...LEFT, workload: `client: ${rounds} views, one after another, in Node` }, { rowcast: left })];
  } finally {
    await Promise.all([part.stop(), server.stop()]);
  }
}

async function showing({ passes, held, rounds, seconds }: Scale): Promise<readonly Result[]> {
  const server = new Part('client-server');
  const browser = await launch();
  try {
    const port = await server.ask<number>('listen');
    await server.ask('fill', { count: held });
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${port}/`);
    const there = await tab.evaluate((visible) => (globalThis as unknown as { page: Page }).page.show(visible), VISIBLE);
    if (there !== held) throw new Error(`${there} rows came, not ${held}`);
    const frames = (): Promise<Measured> => tab.evaluate((time) => (globalThis as unknown as { page: Page }).page.frames(time), seconds);
    const changing: Measured[] = [];
    const told: number[] = [];
    const runs = {
      [`${RATE} changes a second`]: async () => {
        const [measured, made] = await Promise.all([frames(), server.ask<number>('run', { rate: RATE, seconds })]);
        changing.push(measured);
        told.push(measured.told / made);
        return measured.rate;
      },
      'nothing changes': async () => (await frames()).rate,
    };
    const rates = await interleaved(passes, runs);
    const workload = `client: Chromium, ${held} rows, ${VISIBLE} of them visible`;
    const all = (figure: (each: Measured) => number): Record<string, readonly number[]> => ({ rowcast: changing.map(figure) });
    return [
      compare({ workload, figure: 'frames a second', better: 'more', targets: [{ against: 'nothing changes', ratio: 0.98 }] }, rates),
      compare(
        { workload, figure: `frames of more than 50 ms, in ${seconds} s`, better: 'less', targets: [{ limit: 0 }] },
        all(({ long }) => long),
      ),
      compare(
        { workload, figure: 'ms of the longest frame', better: 'less' },
        all(({ longest }) => longest),
      ),
      compare({ workload, figure: 'notifications for each commit', better: 'less', targets: [{ limit: 1 }] }, { rowcast: told }),
      compare(
        { ...LEFT, workload: `client: ${rounds} views, one after another, in Chromium` },
        { rowcast: await leaving(tab, { passes, rounds }) },
      ),
    ];
  } finally {
    await Promise.all([browser.close(), server.stop()]);
  }
}

async function leaving(tab: Tab, { passes, rounds }: Pick<Scale, 'passes' | 'rounds'>): Promise<readonly number[]> {
  const devtools = await tab.context().newCDPSession(tab);
  const used = async (): Promise<number> => {
    await devtools.send('HeapProfiler.collectGarbage');
    return (await devtools.send('Runtime.getHeapUsage')).usedSize;
  };
  const some = (): Promise<void> => tab.evaluate((count) => (globalThis as unknown as { page: Page }).page.rounds(count), rounds);
  await some(); // warm
  const left: number[] = [];
  for await (const _pass of counted(passes)) {
    const before = await used();
    await some();
    left.push(((await used()) - before) / rounds);
  }
  return left;
}
