import type { Target } from './targets.ts';

/** Figures of one thing measured over several passes. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Result {
  readonly workload: string;
  /** What is counted: `µs CPU per delivery`. */
  readonly figure: string;
  /** Less is better, or more. */
  readonly better: 'less' | 'more';
  /** By contender, Rowcast's first. */
  readonly contenders: Readonly<Record<string, Spread>>;
  /** Rowcast against each reference, pass by pass: what a noisy machine leaves standing. */
  readonly ratios: Readonly<Record<string, Spread>>;
  /** What it must be; each is said to be met or missed. */
  readonly targets?: readonly Target[];
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] as number;
  return { median: at(0.5), min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Runs contenders in turn, A B C A B C …, in another order each pass, so that a machine that slows down slows all. */
export async function interleaved(
  passes: number,
  contenders: Readonly<Record<string, () => Promise<number>>>,
): Promise<Record<string, readonly number[]>> {
  const names = Object.keys(contenders);
  const values: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let pass = 0; pass < passes; pass++) {
    for (const index of names.keys()) {
      const name = names[(index + pass) % names.length] as string;
      values[name]?.push(await (contenders[name] as () => Promise<number>)());
    }
    process.stderr.write('.');
  }
  process.stderr.write('\n');
  return values;
}

export function compare(about: Omit<Result, 'contenders' | 'ratios'>, values: Readonly<Record<string, readonly number[]>>): Result {
  const [ours, ...others] = Object.keys(values) as [string, ...string[]];
  const mine = values[ours] as readonly number[];
  return {
    ...about,
    contenders: Object.fromEntries(Object.entries(values).map(([name, each]) => [name, spread(each)])),
    ratios: Object.fromEntries(
      others.map((name) => [name, spread(mine.map((value, pass) => ratio(value, values[name]?.[pass] as number)))]),
    ),
  };
}

/** Nothing against nothing is the same. */
const ratio = (mine: number, theirs: number): number => (mine === theirs ? 1 : mine / theirs);
