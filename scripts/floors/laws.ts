import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineAt, nodesOf, type House, type Import, type Source } from './house.ts';
import { loosePlaces } from './sql.ts';

/** Where a law of the house is broken, and the cure. */
export interface Fault {
  readonly law: string;
  readonly where: string;
  readonly cure: string;
}

export const LONG = 300; // lines; such a file is listed
export const TOO_LONG = 400; // lines; such a file fails

// Floors that are about a package may load it with themselves; everybody else loads an optional package when it is asked for.
const STANDS_ON: Readonly<Record<string, readonly string[]>> = {
  drizzle: ['drizzle-orm'],
  react: ['react'],
  vue: ['vue'],
  svelte: ['svelte'],
  solid: ['solid-js'],
};

/** Every fault of the house, law by law. */
export function faultsOf(house: House): readonly Fault[] {
  const sources = house.sources.filter((source) => !source.test);
  return [
    ...sources.flatMap((source) => floorFaults(house, source)),
    ...sources.flatMap((source) => packageFaults(house, source)),
    ...cycleFaults(sources),
    ...roomFaults(sources),
    ...sources
      .filter(isBarrel)
      .map(({ path }) => fault('barrel', path, "only a floor's own index.ts re-exports; import from the file itself")),
    ...sources
      .filter(({ text }) => linesOf(text) > TOO_LONG)
      .map(({ path, text }) => fault('length', path, `${linesOf(text)} lines, at most ${TOO_LONG}; split it by what it is about`)),
    ...house.sources.flatMap(typeFaults),
    // The suites write no data but their own.
    ...sources
      .filter(({ floor }) => floor !== 'testing')
      .flatMap((source) =>
        loosePlaces(source, house).map((line) =>
          fault(
            'sql',
            `${source.path}:${line}`,
            'make it a parameter, quote it with identifier(…), or say why above the statement: // sql: why',
          ),
        ),
      ),
  ];
}

/** Files that are longer than they should be, longest first. */
export function longFiles(house: House): readonly string[] {
  return house.sources
    .filter(({ test, text }) => !test && linesOf(text) > LONG)
    .toSorted((one, other) => linesOf(other.text) - linesOf(one.text))
    .map(({ path, text }) => `${path} (${linesOf(text)} lines)`);
}

/** Files among `paths` that name a folder of somebody's machine. */
export function machineFaults(root: string, paths: readonly string[]): readonly Fault[] {
  return paths.flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    const found = /(?<![\w.~-])\/(?:work|root|home\/\w+|Users\/\w+)\//.exec(text);
    return found
      ? [fault('machine', `${path}:${lineAt(text, found.index)}`, 'name no folder of one machine; use a path from the repository')]
      : [];
  });
}

function floorFaults({ floors }: House, { path, floor, imports }: Source): readonly Fault[] {
  return imports.flatMap(({ file, line, from }) => {
    if (file === null) return [];
    const [top, target = '', ...rest] = file.split('/');
    const where = `${path}:${line}`;
    if (top !== 'src') return [fault('floor', where, `"${from}" is outside src/: what ships stands on its own`)];
    if (target === floor) return [];
    if (!floors.get(floor)?.has(target)) return [fault('floor', where, `src/${floor}/tsconfig.json does not reference ../${target}`)];
    if (rest.join('/') !== 'index.ts') return [fault('floor', where, `go through ../${target}/index.ts, not past it`)];
    return [];
  });
}

function packageFaults({ dependencies, optional }: House, { path, floor, imports }: Source): readonly Fault[] {
  return imports.flatMap(({ file, from, kind, line }) => {
    if (file !== null || from.startsWith('node:')) return [];
    const name = from
      .split('/')
      .slice(0, from.startsWith('@') ? 2 : 1)
      .join('/');
    const where = `${path}:${line}`;
    if (dependencies.has(name)) return [];
    if (!optional.has(name)) return [fault('package', where, `"${name}" is neither a dependency nor a peer in package.json`)];
    if (kind !== 'value' || STANDS_ON[floor]?.includes(name)) return [];
    return [fault('package', where, `"${name}" is optional: import its types only, and load it with await import() when it is needed`)];
  });
}

// Types are erased and lazy imports run later: neither counts.
function cycleFaults(sources: readonly Source[]): readonly Fault[] {
  const loads = new Map(sources.map(({ path, imports }) => [path, imports.flatMap(loaded)]));
  return circlesOf(loads).map((circle) => fault('cycle', circle.join(' → '), 'move what both need below both'));
}

// Here types count too: rooms are for who reads, and who reads has to begin somewhere.
function roomFaults(sources: readonly Source[]): readonly Fault[] {
  const rooms = new Map<string, Set<string>>();
  for (const { path, imports } of sources) {
    const room = roomOf(path);
    if (room === null) continue;
    const others = imports.flatMap(({ file }) => (file === null ? [] : (roomOf(file) ?? []))).filter((other) => other !== room);
    rooms.set(room, new Set([...(rooms.get(room) ?? []), ...others]));
  }
  return circlesOf(rooms).map((circle) =>
    fault('room', circle.join(' → '), 'rooms of a floor stand in layers; move what both need below both'),
  );
}

/** The folder of a floor that a file is in; null at the floor's top. */
function roomOf(path: string): string | null {
  return /^src\/[^/]+\/[^/]+(?=\/)/.exec(path)?.[0] ?? null;
}

// Depth first; what is met again on the way down closes a circle.
function circlesOf(graph: ReadonlyMap<string, Iterable<string>>): readonly (readonly string[])[] {
  const done = new Set<string>();
  const circles: string[][] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const from = trail.indexOf(node);
    if (from >= 0) circles.push([...trail.slice(from), node]);
    if (from >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return circles;
}

function loaded({ kind, file }: Import): readonly string[] {
  return kind === 'value' && file !== null ? [file] : [];
}

function isBarrel({ path, tree }: Source): boolean {
  if (/^src\/[^/]+\/index\.ts$/.test(path)) return false;
  const body = tree.body as readonly { readonly type: string; readonly source?: unknown }[];
  return body.length > 0 && body.every(({ type, source }) => /^Export(All|Named)Declaration$/.test(type) && Boolean(source));
}

function typeFaults({ path, text, tree }: Source): readonly Fault[] {
  const anys = [...nodesOf(tree)].filter(({ type }) => type === 'TSAnyKeyword').map(({ start }) => start);
  const ignores = [...text.matchAll(/@ts-(?:ignore|nocheck)/g)].map(({ index }) => index);
  return [
    ...anys.map((at) => fault('any', `${path}:${lineAt(text, at)}`, 'say what it is; `unknown` where nobody knows yet')),
    ...ignores.map((at) => fault('any', `${path}:${lineAt(text, at)}`, 'correct the type; in a test of types, @ts-expect-error')),
  ];
}

function linesOf(text: string): number {
  return text.trimEnd().split('\n').length;
}

function fault(law: string, where: string, cure: string): Fault {
  return { law, where, cure };
}
