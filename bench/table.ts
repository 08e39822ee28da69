import type { Result, Spread } from './measure.ts';
import { judge } from './targets.ts';

const round = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const text = ({ median, min, max }: Spread): string => `${round(median)} [${round(min)}–${round(max)}]`;

/** The results as Markdown: a row a figure, the ratios beside it. */
export function table(results: readonly Result[]): string {
  const lines = ['| workload | figure | measured | Rowcast ÷ reference | target |', '|---|---|---|---|---|'];
  for (const result of results) {
    const { workload, figure, better, contenders, ratios } = result;
    const targets = judge(result).map(({ target, verdict }) => `${target}: ${verdict}`);
    const measured = Object.entries(contenders).map(([name, each]) => `${name} ${text(each)}`);
    const against = Object.entries(ratios).map(([name, each]) => `${name}: ${text(each)}`);
    lines.push(
      `| ${workload} | ${figure} (${better} is better) | ${measured.join('<br>')} | ${against.join('<br>')} | ${targets.join('<br>')} |`,
    );
  }
  return lines.join('\n');
}
