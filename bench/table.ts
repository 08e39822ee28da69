import type { Result, Spread } from './measure.ts';
import { judge, type Judged } from './targets.ts';
import { round } from './text.ts';

const text = ({ median, min, max }: Spread): string => `${round(median)} [${round(min)}–${round(max)}]`;

/** A target and what came of it. */
export const said = ({ target, verdict }: Judged): string => (verdict === 'missed' ? `${target} **missed**` : `${target} ${verdict}`);

/** The results as Markdown: a row a figure, the ratios beside it. */
export function table(results: readonly Result[]): string {
  const lines = ['| workload | figure | measured | Rowcast ÷ reference | target |', '|---|---|---|---|---|'];
  for (const result of results) {
    const { workload, figure, better, contenders, ratios } = result;
    const measured = Object.entries(contenders).map(([name, each]) => `${name} ${text(each)}`);
    const against = Object.entries(ratios).map(([name, each]) => `${name}: ${text(each)}`);
    const targets = judge(result).map(said);
    lines.push(
      `| ${workload} | ${figure} (${better} is better) | ${measured.join('<br>')} | ${against.join('<br>')} | ${targets.join('<br>')} |`,
    );
  }
  return lines.join('\n');
}
