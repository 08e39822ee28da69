import { isNode, lineAt, nodesOf, type Node, type Source } from './house.ts';

// What may be written into the text of a statement: names through a quoting function, constants, parameters' numbers, and what is
// made of those alone in the same file. All else is a parameter. `// sql: why` lets pass what reads as loose and is not: above the statement, or
// above the top-level declaration it stands in.
const QUOTING = /^(ident|identifier|literal|list|quote\w*|quoted\w*)$/;
const CONSTANT = /^[A-Z][A-Z0-9_]*$/;
const COUNTER = /^(i|n|at|index|place|number|count|size)$/;
const ASKING = new Set(['query', 'prepare', 'exec', 'execute', 'unsafe']);
const STATEMENT =
  /^\s*(select\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\S*\s*set\s|delete\s+from\s|(create|alter|drop)\s+(or\s+replace\s+)?(temp\s+)?(table|trigger|function|publication|schema|index|view)\s|truncate\s|with\s+\w+\s+as\s)/i;
const WAIVER = /\/\/ sql: \S|\/\* sql: \S/;

/** Lines on which a statement's text takes in something that is not plainly a name or a constant. */
export function loosePlaces(source: Source): readonly number[] {
  const known = definitionsOf(source.tree);
  const lines = source.text.split('\n');
  const isWaived = (line: number): boolean => [lines[line - 1], lines[line - 2]].some((text) => WAIVER.test(text ?? ''));
  const places = new Set<number>();
  for (const template of statementsOf(source.tree)) {
    const top = (source.tree.body as readonly Node[]).findLast(({ start }) => start <= template.start);
    if ([template, top].some((node) => node && isWaived(lineAt(source.text, node.start)))) continue;
    for (const part of partsOf(template)) if (!isSafe(part, known, new Set())) places.add(lineAt(source.text, part.start));
  }
  return [...places];
}

function* statementsOf(tree: Node): Generator<Node> {
  const asked = new Set<Node>();
  for (const node of nodesOf(tree)) {
    if (node.type === 'CallExpression' && isNode(node.callee) && ASKING.has(nameOf(node.callee.property))) {
      const [text] = node.arguments as readonly Node[];
      if (text?.type === 'TemplateLiteral') asked.add(text);
    }
    if (node.type === 'TemplateLiteral' && (asked.has(node) || STATEMENT.test(textOf(node)))) yield node;
  }
}

type Definitions = ReadonlyMap<string, readonly Node[]>;

// Constants and functions of the file by name, each with the expressions it can stand for. Scopes are not told apart: two of one name must both be safe.
function definitionsOf(tree: Node): Definitions {
  const known = new Map<string, readonly Node[]>();
  const add = (name: string, nodes: readonly Node[]): unknown => known.set(name, [...(known.get(name) ?? []), ...nodes]);
  for (const node of nodesOf(tree)) {
    if (node.type === 'VariableDeclaration' && node.kind === 'const') {
      for (const { id, init } of node.declarations as readonly Node[]) if (isNode(init)) add(nameOf(id), resultsOf(init));
    }
    if (node.type === 'FunctionDeclaration') add(nameOf(node.id), resultsOf(node));
  }
  return known;
}

// A function stands for what it returns; everything else for itself.
function resultsOf(node: Node): readonly Node[] {
  if (!/Function/.test(node.type) || !isNode(node.body)) return [node];
  if (node.body.type !== 'BlockStatement') return [node.body];
  return [...nodesOf(node.body)].flatMap((inner) => (inner.type === 'ReturnStatement' && isNode(inner.argument) ? [inner.argument] : []));
}

function isSafe(node: Node, known: Definitions, seen: Set<string>): boolean {
  const all = (nodes: unknown): boolean => (nodes as readonly unknown[]).every((inner) => isNode(inner) && isSafe(inner, known, seen));
  switch (node.type) {
    case 'Literal':
    case 'UpdateExpression': // a number, whatever it counts
      return true;
    case 'Identifier':
      return CONSTANT.test(nameOf(node)) || COUNTER.test(nameOf(node)) || isDefined(nameOf(node), known, seen);
    case 'MemberExpression':
      return CONSTANT.test(nameOf(node.object)) || nameOf(node.property) === 'length';
    case 'TemplateLiteral':
      return all(partsOf(node));
    case 'ArrayExpression':
      return all(node.elements);
    case 'SpreadElement':
    case 'TSAsExpression':
      return all([node.argument ?? node.expression]);
    case 'ConditionalExpression':
      return all([node.consequent, node.alternate]);
    case 'BinaryExpression':
    case 'LogicalExpression':
      return all([node.left, node.right]);
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
      return resultsOf(node).length > 0 && all(resultsOf(node));
    case 'CallExpression':
      return isSafeCall(node, known, seen);
    default:
      return false;
  }
}

function isSafeCall(node: Node, known: Definitions, seen: Set<string>): boolean {
  const callee = node.callee as Node;
  const args = node.arguments as readonly Node[];
  if (callee.type === 'Identifier') return QUOTING.test(nameOf(callee)) || isDefined(nameOf(callee), known, seen);
  if (callee.type !== 'MemberExpression') return false;
  const [first] = args;
  const safe = (inner: unknown): boolean => isNode(inner) && isSafe(inner, known, seen);
  switch (nameOf(callee.property)) {
    case 'join':
    case 'concat':
      return safe(callee.object) && args.every(safe);
    case 'map':
    case 'flatMap':
      return first?.type === 'Identifier' ? QUOTING.test(nameOf(first)) || isDefined(nameOf(first), known, seen) : safe(first);
    case 'filter':
      return safe(callee.object);
    default:
      return false;
  }
}

function isDefined(name: string, known: Definitions, seen: Set<string>): boolean {
  const nodes = known.get(name);
  // A name that leads back to itself adds nothing of its own.
  if (seen.has(name)) return true;
  if (!nodes || nodes.length === 0) return false;
  seen.add(name);
  return nodes.every((node) => isSafe(node, known, seen));
}

function partsOf(template: Node): readonly Node[] {
  return template.expressions as readonly Node[];
}

function textOf(template: Node): string {
  return (template.quasis as readonly { readonly value: { readonly raw: string } }[]).map(({ value }) => value.raw).join('x');
}

function nameOf(node: unknown): string {
  return isNode(node) && typeof node.name === 'string' ? node.name : '';
}
