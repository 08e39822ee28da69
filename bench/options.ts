import { parseArgs } from 'node:util';
import type { Kind } from './profile.ts';
import { PASSES } from './results.ts';
import { FULL, SMOKE, type Scale } from './scale.ts';

const USAGE = `npm run bench -- [options]
  --only NAME        this workload; may be given several times
  --passes N         default ${FULL.passes}
  --against FOLDER   another checkout, built: its Rowcast is measured beside this one, where a workload knows how
  --smoke            whether everything runs, in a minute; judges no time
  --profile KIND     cpu or heap: what the servers do in the passes that count, into files; no figure is to be trusted then
  --publish          what is measured goes into docs/bench, docs/bench.md and the README; with --profile cpu, the flame graphs
                     that explain a target which is missed
  --list             the workloads, each in a sentence`;

export interface Options {
  readonly names: readonly string[];
  readonly scale: Scale;
  readonly smoke: boolean;
  readonly publish: boolean;
  readonly profile?: Kind;
}

/** What is asked for; or what to say instead, on stderr where it was asked for wrongly. */
export type Asked = { readonly run: Options } | { readonly say: string; readonly wrong: boolean };

/** `workloads`: what each is about, by name. */
export function readOptions(args: readonly string[], workloads: Readonly<Record<string, string>>): Asked {
  const wrong = (say: string): Asked => ({ say, wrong: true });
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    return wrong(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
  const { smoke = false, publish = false, only, against, profile } = values;
  if (values.help) return { say: USAGE, wrong: false };
  if (values.list) {
    const lines = Object.entries(workloads).map(([name, about]) => `${name.padEnd(12)} ${about}`);
    return { say: lines.join('\n'), wrong: false };
  }
  const all = Object.keys(workloads);
  const unknown = only?.find((name) => !all.includes(name));
  if (unknown !== undefined) return wrong(`there is no workload ${unknown}: ${all.join(', ')}`);
  const passes = values.passes === undefined ? undefined : Number(values.passes);
  if (passes !== undefined && !(Number.isInteger(passes) && passes > 0))
    return wrong(`--passes takes a number from 1, not ${values.passes}`);
  if (profile !== undefined && profile !== 'cpu' && profile !== 'heap') return wrong(`--profile takes cpu or heap, not ${profile}`);
  const few = (passes ?? PASSES) < PASSES && profile !== 'cpu';
  if (publish && (smoke || against !== undefined || profile === 'heap' || few)) {
    return wrong(`only a full run is published: without --smoke, --against and --profile heap, and of ${PASSES} passes at least`);
  }
  const scale = { ...(smoke ? SMOKE : FULL), ...(passes !== undefined && { passes }), ...(against !== undefined && { against }) };
  const names = only ? all.filter((name) => only.includes(name)) : all;
  return { run: { names, scale, smoke, publish, ...(profile && { profile }) } };
}

const OPTIONS = {
  smoke: { type: 'boolean' },
  only: { type: 'string', multiple: true },
  passes: { type: 'string' },
  against: { type: 'string' },
  profile: { type: 'string' },
  publish: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;
