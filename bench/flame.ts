import { escape } from './text.ts';

/** The part of V8's `.cpuprofile` that a flame graph is made of. */
export interface CpuProfile {
  readonly nodes: readonly CallNode[];
  /** Ids of nodes: who was on top of the stack. */
  readonly samples?: readonly number[] | undefined;
  /** µs before each sample. */
  readonly timeDeltas?: readonly number[] | undefined;
}

export interface CallNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[] | undefined;
}

/** A function as it was called from where it was called. */
export interface Frame {
  readonly name: string;
  readonly from: Origin;
  readonly where: string;
  /** µs on top of the stack. */
  readonly self: number;
  /** µs on the stack. */
  readonly total: number;
  /** The longest first. */
  readonly children: readonly Frame[];
}

/** Whose code it is. `idle` is no work: it is left out. */
export type Origin = 'rowcast' | 'package' | 'benchmark' | 'node' | 'engine' | 'idle';

const WIDTH = 1_200;
const ROW = 17;
const TOP = 58;
/** Narrower ones say nothing: px. */
const LEAST = 0.6;
const COLOURS: Readonly<Record<Exclude<Origin, 'idle'>, string>> = {
  rowcast: 'Rowcast',
  package: 'packages',
  benchmark: 'the benchmark',
  node: 'Node',
  engine: 'engine: system calls, garbage collection',
};

const STYLE = `text { font: 11px ui-monospace, monospace; fill: #1f2328 } .title { font: 600 14px system-ui, sans-serif } .note { font: 12px system-ui, sans-serif }
.rowcast { fill: #f08a4b } .package { fill: #f3cf6d } .benchmark { fill: #cfd6de } .node { fill: #9cc7f0 } .engine { fill: #b7d8a8 }
.page { fill: #ffffff } rect:hover { stroke: #1f2328 }
@media (prefers-color-scheme: dark) { .page { fill: #0d1117 } .title, .note { fill: #e6edf3 } rect:hover { stroke: #e6edf3 } }`;

/** Where a process was busy, callers above, the called below, as wide as long: one SVG, names on hover, no script. */
export function flame(profile: CpuProfile, title: string, least: number = LEAST): string {
  const busy = tree(profile);
  const scale = WIDTH / Math.max(1, busy.total);
  const drawn: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, x: number, depth: number): void => {
    const width = frame.total * scale;
    if (width < least) return;
    deepest = Math.max(deepest, depth);
    const said = `${frame.name} ${frame.where}: ${percent(frame.total, busy.total)}, ${percent(frame.self, busy.total)} of it itself`;
    const y = TOP + depth * ROW;
    const letters = Math.floor((width - 4) / 6.7);
    const label = letters < 3 ? '' : frame.name.length > letters ? `${frame.name.slice(0, letters - 1)}…` : frame.name;
    drawn.push(
      `<g><title>${escape(said)}</title><rect class="${frame.from}" x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${ROW - 1}" rx="1"/>` +
        (label === '' ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escape(label)}</text>`) +
        '</g>',
    );
    let from = x;
    for (const child of frame.children) {
      draw(child, from, depth + 1);
      from += child.total * scale;
    }
  };
  let x = 0;
  for (const child of busy.children) {
    draw(child, x, 0);
    x += child.total * scale;
  }
  const height = TOP + (deepest + 1) * ROW + 8;
  let at = 8;
  const key = Object.entries(COLOURS).map(([origin, name]) => {
    const item = `<rect class="${origin}" x="${at}" y="32" width="12" height="12"/><text class="note" x="${at + 17}" y="42">${name}</text>`;
    at += 17 + name.length * 6.6 + 22;
    return item;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"><style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="8" y="20">${escape(title)}: ${(busy.total / 1_000).toFixed(0)} ms busy</text>${key.join('')}`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

/** The calls as one tree, what was idle left out. Its root is nobody: its children are whoever was called by nobody. */
export function tree({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Frame {
  const self = new Map<number, number>();
  // A delta is the time before its sample; what is on top is counted until the next one.
  for (const [index, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const [root] = nodes;
  const merged = (ids: readonly number[]): Frame[] => {
    const alike = new Map<string, CallNode[]>();
    for (const id of ids) {
      const node = byId.get(id);
      if (!node || originOf(node) === 'idle') continue;
      const { functionName, url, lineNumber } = node.callFrame;
      const key = `${functionName}\n${url}\n${lineNumber}`;
      alike.set(key, [...(alike.get(key) ?? []), node]);
    }
    return [...alike.values()].map(frame).sort((one, other) => other.total - one.total);
  };
  const frame = (same: readonly CallNode[]): Frame => {
    const [node] = same as readonly [CallNode, ...CallNode[]];
    const children = merged(same.flatMap((each) => each.children ?? []));
    const own = same.reduce((sum, each) => sum + (self.get(each.id) ?? 0), 0);
    const { functionName, url, lineNumber } = node.callFrame;
    return {
      name: functionName || '(anonymous)',
      from: originOf(node),
      where: url === '' ? '' : `${shortened(url)}:${lineNumber + 1}`,
      self: own,
      total: own + children.reduce((sum, each) => sum + each.total, 0),
      children,
    };
  };
  const children = root ? merged(root.children ?? []) : [];
  return { name: '', from: 'engine', where: '', self: 0, total: children.reduce((sum, each) => sum + each.total, 0), children };
}

function originOf({ callFrame: { functionName, url } }: CallNode): Origin {
  if (functionName === '(idle)') return 'idle';
  if (url === '') return 'engine';
  if (url.startsWith('node:')) return 'node';
  if (url.includes('/node_modules/')) return 'package';
  return /\/(?:dist|src)\//.test(url) ? 'rowcast' : 'benchmark';
}

/** Without where this machine keeps it. */
const shortened = (url: string): string => url.replace(/^.*\/(?=(?:node_modules|dist|src|bench)\/)/, '').replace(/^file:\/\//, '');
const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
