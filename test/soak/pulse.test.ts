import { expect, test } from 'vitest';
import { Pulse, type HeldUp } from './pulse.ts';

const used = (since: NodeJS.CpuUsage): number => (process.cpuUsage(since).user + process.cpuUsage(since).system) / 1_000;

/** What is told of a stretch in which this thread does that. */
async function told(during: () => void): Promise<HeldUp> {
  let pulse: Pulse | undefined;
  try {
    return await new Promise<HeldUp>((resolve) => {
      pulse = new Pulse(resolve);
      during();
    });
  } finally {
    pulse?.[Symbol.dispose]();
  }
}

test('who waited was held up for as long, and did nothing meanwhile', async () => {
  const { from, until, busyMs } = await told(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500));
  expect(until - from).toBeGreaterThanOrEqual(1_500);
  expect(busyMs).toBeLessThan(750);
});

test('who was at work was held up by that', async () => {
  const { busyMs } = await told(() => {
    for (const before = process.cpuUsage(); used(before) < 1_500;);
  });
  expect(busyMs).toBeGreaterThanOrEqual(1_500);
});
