import type { Memory } from '../process.ts';

/** What this process takes when nothing goes on: collected as under memory pressure, with what V8 and drizzle's import keep in reserve given back. */
export async function resting(): Promise<Memory> {
  const collect = globalThis.gc as unknown as ((how: object) => void) | undefined;
  if (!collect) throw new Error('start it with --expose-gc');
  for (let round = 0; round < 2; round++) {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, used: heapUsed + external };
}
