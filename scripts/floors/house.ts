import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { parseSync } from 'vite';

/** A node of the syntax tree, read structurally: `type` and whatever else it has. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly [name: string]: unknown;
}

/** `value` runs at load, `lazy` is `import(…)`, `type` is erased. */
export type ImportKind = 'value' | 'lazy' | 'type';

export interface Import {
  readonly kind: ImportKind;
  readonly from: string;
  /** The file it names, from the root; null for a package. */
  readonly file: string | null;
  readonly line: number;
}

export interface Source {
  /** From the root, with `/`. */
  readonly path: string;
  /** The folder under src/. */
  readonly floor: string;
  readonly test: boolean;
  readonly text: string;
  readonly tree: Node;
  readonly imports: readonly Import[];
}

export interface House {
  readonly root: string;
  readonly sources: readonly Source[];
  /** What each floor's own tsconfig references. */
  readonly floors: ReadonlyMap<string, ReadonlySet<string>>;
  readonly dependencies: ReadonlySet<string>;
  readonly optional: ReadonlySet<string>;
}

/** Reads the src/ under `root`: every source with its imports, and what each floor may stand on. */
export function readHouse(root: string): House {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const manifest = readJson(join(root, 'package.json')) as Partial<Record<'dependencies' | 'peerDependencies', Record<string, string>>>;
  return {
    root,
    sources: filesUnder(join(root, 'src'))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readSource(root, file)),
    floors: new Map(folders.map(({ name }) => [name, referencesOf(join(root, 'src', name))])),
    dependencies: new Set(Object.keys(manifest.dependencies ?? {})),
    optional: new Set(Object.keys(manifest.peerDependencies ?? {})),
  };
}

export function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

/** Every node under this one, itself first. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as readonly unknown[]) : [value]) if (isNode(child)) yield* nodesOf(child);
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { readonly type?: unknown }).type === 'string';
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function readSource(root: string, file: string): Source {
  const path = relative(root, file).split(sep).join('/');
  const text = readFileSync(file, 'utf8');
  const parsed = parseSync(path, text);
  const [error] = parsed.errors;
  if (error) throw new Error(`${path} does not parse: ${error.message}`);
  const tree = parsed.program as unknown as Node;
  const imports = [...nodesOf(tree)].flatMap((node) => {
    const found = importOf(node);
    if (!found) return [];
    const { kind, from } = found;
    return [{ kind, from, file: from.startsWith('.') ? posix.join(dirname(path), from) : null, line: lineAt(text, node.start) }];
  });
  return { path, floor: path.split('/')[1] ?? '', test: /\.test(-d)?\.ts$/.test(path), text, tree, imports };
}

function importOf(node: Node): { kind: ImportKind; from: string } | null {
  const from = isNode(node.source) && typeof node.source.value === 'string' ? node.source.value : null;
  if (from === null) return null;
  switch (node.type) {
    case 'ImportDeclaration':
      return { kind: node.importKind === 'type' ? 'type' : 'value', from };
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return { kind: node.exportKind === 'type' ? 'type' : 'value', from };
    case 'ImportExpression':
      return { kind: 'lazy', from };
    case 'TSImportType':
      return { kind: 'type', from };
    default:
      return null;
  }
}

function referencesOf(folder: string): ReadonlySet<string> {
  const file = join(folder, 'tsconfig.json');
  if (!existsSync(file))
    throw new Error(`${folder} has no tsconfig.json: a folder under src/ is a floor, and that file says what it stands on`);
  const { references = [] } = readJson(file) as { readonly references?: readonly { readonly path: string }[] };
  return new Set(references.map(({ path }) => posix.basename(path)));
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
