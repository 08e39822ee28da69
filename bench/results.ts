import type { Machine } from './machine.ts';
import type { Result } from './measure.ts';
import type { Scale } from './scale.ts';
import { judge, type Judged } from './targets.ts';

export interface JudgedResult extends Result {
  readonly judged: readonly Judged[];
}

/** A workload as it was measured once. */
export interface Measured {
  readonly at: string; // ISO 8601
  readonly seconds: number;
  /** Of the machine, before and after. */
  readonly load: readonly [number, number];
  readonly results: readonly JudgedResult[];
}

/** What `bench/results/*.json` hold, a file a run. */
export interface Run {
  readonly machine: Machine;
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly scale: Scale;
  /** By the name a workload has in the registry. */
  readonly workloads: Readonly<Record<string, Measured>>;
  /** Why, by the name. */
  readonly failed: Readonly<Record<string, string>>;
}

/** What `docs/bench/results.json` holds: the newest figures of each workload, and what they were measured on. */
export type Published = Readonly<Record<string, PublishedWorkload>>;

export interface PublishedWorkload extends Measured, Pick<Run, 'machine' | 'commit' | 'versions' | 'scale'> {}

export const judged = (results: readonly Result[]): readonly JudgedResult[] =>
  results.map((result) => ({ ...result, judged: judge(result) }));

/** Fewer say nothing about how far figures spread. */
export const PASSES = 7;

/** The newer of each workload; `names`: those that there are, in their order. */
export function merge(published: Published, runs: readonly Run[], names: readonly string[]): Published {
  const all: Record<string, PublishedWorkload> = { ...published };
  for (const { workloads, machine, commit, versions, scale } of runs) {
    if (scale.passes < PASSES) throw new Error(`a run of ${scale.passes} passes is not published: it takes ${PASSES}`);
    if (scale.against !== undefined) throw new Error('a run against another checkout is not published: it says nothing to anybody else');
    for (const [name, measured] of Object.entries(workloads)) {
      if (all[name] && all[name].at > measured.at) continue;
      all[name] = { ...measured, machine, commit, versions, scale };
    }
  }
  return Object.fromEntries(names.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
}
