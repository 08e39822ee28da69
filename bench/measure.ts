import { current } from './going.ts';
import { progress } from './progress.ts';
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
  /** In few words, where the README shows it: `one hot row, 1,000 sockets`. */
  readonly headline?: string;
}

/** The middle one of an odd number of values, the mean of the two in the middle of an even one. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
  return { median, min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Counts the measured passes of a workload that has a loop of its own, and shows that it goes on. What warms comes before. */
export async function* counted(passes: number): AsyncGenerator<number, void> {
  await using _profiles = await current().counting();
  for (let pass = 0; pass < passes; pass++) {
    yield pass;
    progress.at({ pass: pass + 1, passes, medians: {} });
  }
}

/** Runs contenders in turn, A B C, B C A, …, in another order each pass, so that a machine that slows down slows all. */
export async function interleaved(
  passes: number,
  contenders: Readonly<Record<string, () => Promise<number>>>,
): Promise<Record<string, readonly number[]>> {
  const names = Object.keys(contenders);
  const values: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const medians: Record<string, number> = {};
  await using _profiles = await current().counting();
  for (let pass = 0; pass < passes; pass++) {
    for (const index of names.keys()) {
      const name = names[(index + pass) % names.length] as string;
      const each = values[name] as number[];
      progress.at({ pass: pass + 1, passes, contender: name, medians });
      each.push(await (contenders[name] as () => Promise<number>)());
      medians[name] = spread(each).median;
    }
    progress.at({ pass: pass + 1, passes, medians });
  }
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
