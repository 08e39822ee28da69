import { existsSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { chart, worthDrawing } from './chart.ts';
import { floor, type Floor } from './floors.ts';
import type { Spread } from './measure.ts';
import type { JudgedResult, Published, PublishedWorkload } from './results.ts';
import { said, table } from './table.ts';
import { judge } from './targets.ts';
import { round } from './text.ts';
import { WORKLOADS } from './workloads.ts';

/** In the README. */
const CHARTS = 3;

/** All that is made of the published figures, by path from the root: a page, and a chart a figure. Nobody writes in them. */
export async function pages(published: Published): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [name, { results }] of Object.entries(published)) {
    for (const [index, result] of results.entries()) if (worthDrawing(result)) files.set(chartOf(name, index), chart(result));
  }
  if (files.size > 0) files.set('docs/bench.md', await markdown(page(published)));
  return files;
}

/** What stands in the README between its marks. */
export async function section(published: Published): Promise<string> {
  const all = Object.entries(published).flatMap(([name, workload]) =>
    workload.results.map((result, index) => ({ name, index, workload, result })),
  );
  const shown = all.filter(({ result }) => result.headline !== undefined);
  const drawn = shown.filter(({ result }) => Object.keys(result.ratios).length > 1).slice(0, CHARTS);
  const places = new Set(shown.map(({ workload }) => place(workload)));
  return await markdown(
    [
      `Measured on ${[...places].join('; and on ')}: the median of 7 interleaved passes, beside what it is compared with in the same run. CPU is the server’s own process.`,
      '',
      '| | Rowcast | in the same run (Rowcast ÷ it) | target |',
      '|---|---|---|---|',
      ...shown.map(({ result }) => headline(result)),
      '',
      ...drawn.map(({ name, index, result }) => `![${result.workload}: ${result.figure}](${chartOf(name, index)})\n`),
      '[How it is measured, and every figure](docs/bench.md). `npm run bench` measures your machine.',
    ].join('\n'),
  );
}

function headline(result: JudgedResult): string {
  const { headline = '', figure, contenders, ratios } = result;
  const [[, mine], ...others] = Object.entries(contenders) as [[string, Spread], ...[string, Spread][]];
  const beside = others.map(([name, { median }]) => `${name} ${round(median)}${ratios[name] ? ` (${round(ratios[name].median)})` : ''}`);
  return `| ${headline}: ${figure} | **${round(mine.median)}** | ${beside.join('<br>')} | ${judge(result).map(said).join('<br>')} |`;
}

function page(published: Published): string {
  const verdicts = Object.values(published).flatMap(({ results }) => results.flatMap((each) => judge(each).map(({ verdict }) => verdict)));
  const count = (verdict: string): number => verdicts.filter((each) => each === verdict).length;
  return `# Benchmarks

<!-- Made of docs/bench/results.json by scripts/readme.ts: written over. -->

Of ${verdicts.length} targets ${count('met')} are met, ${count('missed')} missed, ${count('unmeasured')} not measured.

## How it is measured

- Every server and every load generator is a process of its own. What a figure calls the server’s CPU is user and system time of the server’s process alone, as the system counts it.
- All features are on: groups, the whitelist of fields, positions, the window that a client resumes from.
- Contenders take turns, in another order each pass: a machine that slows down slows all. A figure is the median of its passes, with the least and the most behind it; whatever warms up comes before and is not counted.
- A ratio is taken pass by pass, and then the median of those. Trust ratios: they move little from machine to machine. Milliseconds and rows per second are this machine’s.
- What Rowcast is compared with gets the same changes, the same clients, the same bytes to deliver, on the same machine and in the same run.
- A target that is missed stays in the table and says so; below it is what stops it, and which number is the honest limit.

\`\`\`sh
npm run bench                      # all, about 25 minutes; prints a table, writes bench/results/
npm run bench -- --list            # what there is
npm run bench -- --only fanout     # one of them
npm run bench -- --smoke           # whether everything runs, under a minute; judges no time
npm run bench -- --against ../other-checkout --only fanout
npm run bench -- --publish         # brings this page up to date
\`\`\`

Where the time and the memory go: [profiling](profiling.md).

## Where these figures are from

${origins(published)}

${Object.entries(published)
  .map(([name, workload]) => chapter(name, workload))
  .join('\n\n')}
`;
}

function chapter(name: string, { results, at, load, seconds }: PublishedWorkload): string {
  return [
    `## ${name}`,
    '',
    WORKLOADS[name]?.about ?? '',
    '',
    table(results),
    '',
    ...floors(name, results),
    ...results.flatMap((result, index) =>
      worthDrawing(result) ? [`![${result.workload}: ${result.figure}](${chartOf(name, index).replace('docs/', '')})\n`] : [],
    ),
    `<sub>${at.slice(0, 16).replace('T', ' ')} UTC, ${Math.round(seconds)} s; load before ${load[0]}, after ${load[1]}</sub>`,
  ].join('\n');
}

const UNKNOWN: Floor = { of: /./, says: () => 'Nothing that is known of: it is in reach, and not reached.' };

/** What stops what is missed, once where several are stopped by the same. */
function floors(name: string, results: readonly JudgedResult[]): readonly string[] {
  const by = new Map<string, { readonly floor: Floor; readonly targets: string[] }>();
  for (const result of results) {
    for (const missed of judge(result).filter(({ verdict }) => verdict === 'missed')) {
      const found = floor(name, result, missed) ?? UNKNOWN;
      const says = found.says(result);
      const stopped = by.get(says) ?? { floor: found, targets: [] };
      stopped.targets.push(`${result.workload}: ${missed.target}`);
      by.set(says, stopped);
    }
  }
  return [...by].flatMap(
    ([
      says,
      {
        floor: { flames = [] },
        targets,
      },
    ]) => {
      const shown = flames.filter((flame) => existsSync(new URL(`../${flameOf(flame)}`, import.meta.url)));
      const links = shown.map((flame) => `[${flame.replace(`${name}-`, '')}](${flameOf(flame).replace('docs/', '')})`);
      const where = links.length > 0 ? ` Where the time goes, as flame graphs: ${links.join(', ')}.` : '';
      return [`**What stops ${targets.map((target) => `“${target}”`).join(', ')}.** ${says}${where}`, ''];
    },
  );
}

/** A line a machine and state of the code, with the workloads that ran there. */
function origins(published: Published): string {
  const by = new Map<string, string[]>();
  for (const [name, workload] of Object.entries(published)) {
    const { commit, versions } = workload;
    const what = `${place(workload)}; commit ${commit}; ${Object.entries(versions)
      .map(([of, version]) => `${of} ${version}`)
      .join(', ')}`;
    by.set(what, [...(by.get(what) ?? []), name]);
  }
  return [...by].map(([what, names]) => `- ${names.join(', ')}: ${what}`).join('\n');
}

const place = ({ machine: { cpu, cores, memory, system, node }, at }: PublishedWorkload): string =>
  `${cores} cores of ${cpu}, ${memory}, ${system}, Node ${node}, ${at.slice(0, 10)}`;

const chartOf = (name: string, index: number): string => `docs/bench/${name}-${index + 1}.svg`;

/** Where a published profile is: nothing beside it, as `--profile cpu` has it. */
export const flameOf = (stem: string): string => `docs/bench/flames/${stem}.svg`;

async function markdown(text: string): Promise<string> {
  return await format(text, { ...(await resolveConfig(new URL('../README.md', import.meta.url))), parser: 'markdown' });
}
