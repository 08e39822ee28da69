import { judge, lineOf } from './targets.ts';
import type { Result, Spread } from './measure.ts';
import { escape, round, wrap } from './text.ts';

const WIDTH = 760;
const ROW = 30;
const BAR = 16;
const LETTER = 6.9; // px, of the labels' font, about
const STYLE = `text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 14px } .note { fill: #59636e; font-size: 12px }
.value { font-variant-numeric: tabular-nums } .bar { fill: #aeb6bf } .ours { fill: #e8590c } .spread { stroke: #1f2328; stroke-width: 1.2; fill: none } .base { stroke: #d1d9e0 }
.target { stroke-width: 2.5 } .note.met { fill: #1a7f37 } .note.missed { fill: #c21c2b } .target.met { stroke: #1a7f37 } .target.missed { stroke: #c21c2b }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } .bar { fill: #656c76 } .ours { fill: #f0883e } .spread { stroke: #e6edf3 } .base { stroke: #3d444d } .note.met { fill: #3fb950 } .note.missed { fill: #f85149 } .target.met { stroke: #3fb950 } .target.missed { stroke: #f85149 } }`;

/** Whether a figure has something to show beside its number: others, or how far it is from its target. */
export const worthDrawing = ({ contenders, targets = [] }: Result): boolean =>
  Object.keys(contenders).length > 1 || targets.some((target) => 'limit' in target && target.limit > 0);

/** One figure as horizontal bars: medians, with lines from the least to the most; a target as a line. One SVG, for light and dark. */
export function chart(result: Result): string {
  const { workload, figure, better, contenders } = result;
  const rows = Object.entries(contenders);
  const judged = judge(result);
  const longest = Math.max(...rows.map(([name]) => name.length));
  const left = Math.max(100, Math.min(280, Math.ceil(longest * LETTER) + 24));
  const most = Math.max(...rows.map(([, { max }]) => max), 0);
  // On the bar that it is about, where it lies within the picture.
  const lines = (result.targets ?? []).flatMap((target, index) => {
    const at = lineOf(target, contenders);
    const row = target.of === undefined ? 0 : rows.findIndex(([name]) => name === target.of);
    return at !== undefined && at > 0 && at <= most * 1.5 && row >= 0 ? [{ at, row, verdict: judged[index]?.verdict }] : [];
  });
  const values = rows.map(([, spread]) => `${round(spread.median)}  [${round(spread.min)}–${round(spread.max)}]`);
  const right = Math.ceil(Math.max(...values.map(({ length }) => length)) * LETTER) + 20;
  const scale = (WIDTH - left - right) / Math.max(most, ...lines.map(({ at }) => at), Number.MIN_VALUE);
  const x = (value: number): number => left + Math.max(0, value) * scale;
  const title = wrap(workload, 96);
  const top = 22 + title.length * 19 + 20;
  const bottom = top + rows.length * ROW;
  const parts = [
    ...title.map((line, index) => text({ x: 12, y: 24 + index * 19, class: 'title' }, line)),
    text({ x: 12, y: 24 + title.length * 19, class: 'note' }, `${figure}: ${better} is better`),
    `<path class="base" d="M${left} ${top}V${bottom}"/>`,
    ...rows.flatMap(([name, spread], index) => {
      const y = top + index * ROW + (ROW - BAR) / 2;
      const width = x(spread.median) - left;
      return [
        text({ x: left - 8, y: y + 13, 'text-anchor': 'end' }, shortened(name, left)),
        `<rect class="${isOurs(result, name) ? 'ours' : 'bar'}" x="${left}" y="${y}" width="${px(width)}" height="${BAR}" rx="2"/>`,
        whiskers(spread, { x, y: y + BAR / 2 }),
        text({ x: WIDTH - 12, y: y + 13, class: 'value', 'text-anchor': 'end' }, values[index] ?? ''),
      ];
    }),
    ...lines.map(({ at, row, verdict }) => `<path class="target ${verdict}" d="M${px(x(at))} ${top + row * ROW + 2}v${ROW - 4}"/>`),
    ...judged.map(({ target, measured, verdict }, index) => {
      const by = measured === undefined ? '' : ` (${round(measured)})`;
      return text({ x: left, y: bottom + 22 + index * 18, class: `note ${verdict}` }, `target ${target}: ${verdict}${by}`);
    }),
  ];
  const height = bottom + (judged.length > 0 ? 12 + judged.length * 18 : 0) + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(`${workload}: ${figure}`)}">`,
    `<style>${STYLE}</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** Where nothing is compared with, all that is shown is Rowcast in several situations. */
const isOurs = ({ contenders, ratios }: Result, name: string): boolean =>
  name === Object.keys(contenders)[0] || name.startsWith('rowcast') || Object.keys(ratios).length === 0;

function whiskers({ min, max }: Spread, { x, y }: { x(value: number): number; y: number }): string {
  const [from, to] = [px(x(min)), px(x(max))];
  return `<path class="spread" d="M${from} ${y - 4}v8M${from} ${y}H${to}M${to} ${y - 4}v8"/>`;
}

function text(attributes: Readonly<Record<string, string | number>>, content: string): string {
  const all = Object.entries(attributes).map(([name, value]) => ` ${name}="${typeof value === 'number' ? px(value) : value}"`);
  return `<text${all.join('')}>${escape(content)}</text>`;
}

function shortened(name: string, width: number): string {
  const letters = Math.floor((width - 12) / LETTER);
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
}

const px = (value: number): string => String(Math.round(value * 10) / 10);
