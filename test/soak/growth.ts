import type { Memory } from './app-process.ts';

/** What a server took over its longest life, in MiB: the medians of its thirds. */
export interface Growth {
  readonly seconds: number;
  readonly rss: readonly [number, number, number];
  readonly heap: readonly [number, number, number];
  /** Null: it did not live for long enough to say. */
  readonly flat: boolean | null;
}

/** Less than this says nothing: the first third is the time in which caches and the heap find their size. */
const LEAST_SECONDS = 90;
/** What the last third may have more than the middle one. */
const MOST = 1.1;

export function growth(memory: readonly Memory[]): Growth {
  const lives = [...new Set(memory.map(({ life }) => life))].map((number) => memory.filter(({ life }) => life === number));
  const longest = lives.reduce<readonly Memory[]>((best, life) => (duration(life) > duration(best) ? life : best), []);
  const seconds = duration(longest) / 1_000;
  const rss = thirds(longest.map((sample) => sample.rss));
  const heap = thirds(longest.map(({ heapUsed }) => heapUsed));
  return { seconds, rss, heap, flat: seconds < LEAST_SECONDS ? null : rss[2] <= rss[1] * MOST };
}

const duration = (life: readonly Memory[]): number => (life.at(-1)?.at ?? 0) - (life[0]?.at ?? 0);

function thirds(bytes: readonly number[]): [number, number, number] {
  const third = bytes.length / 3;
  const nth = (n: number): number => median(bytes.slice(Math.floor(n * third), Math.floor((n + 1) * third)));
  return [nth(0), nth(1), nth(2)];
}

function median(bytes: readonly number[]): number {
  const sorted = bytes.toSorted((one, other) => one - other);
  return Math.round((sorted[sorted.length >> 1] ?? 0) / 2 ** 20);
}
