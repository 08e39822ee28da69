import { isNode, lineAt, nodesOf, type House, type Node, type Source } from './house.ts';

// What may be written into the text of a statement: names through a quoting function, constants, numbers, SQL that the house made before
// (a property called `sql`, the catalog's own words for a type), and what is made of those alone. All else is a parameter.
// `// sql: why` lets pass what reads as loose and is not: above the statement, or above the top-level declaration it stands in.
const QUOTING = /^(ident|identifier|literal|list|quote\w*|quoted\w*)$/;
const CONSTANT = /^[A-Z][A-Z0-9_]*$/;
const MADE = /^(sql|declared|sqlType|length|size)$/;
const COUNTER = /^(i|n|at|index|place)$/;
const ASKING = new Set(['query', 'prepare', 'exec', 'execute', 'unsafe']);
const STATEMENT =
  /^\s*(select\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\S*\s*set\s|delete\s+from\s|(create|alter|drop)\s+(or\s+replace\s+)?(temp\s+)?(table|trigger|function|publication|schema|index|view)\s|truncate\s|with\s+\w+\s+as\s)/i;
const WAIVER = /\/\/ sql: \S|\/\* sql: \S/;

/** Lines on which a statement's text takes in something that is not plainly a name, a number or a constant. */
export function loosePlaces(source: Source, house: House): readonly number[] {
  const lines = source.text.split('\n');
  const isWaived = (line: number): boolean => [lines[line - 1], lines[line - 2]].some((text) => WAIVER.test(text ?? ''));
  const places = new Set<number>();
  const judge = new Judge(house);
  for (const template of statementsOf(source.tree)) {
    const top = bodyOf(source.tree).findLast(({ start }) => start <= template.start);
    if ([template, top].some((node) => node && isWaived(lineAt(source.text, node.start)))) continue;
    for (const part of template.expressions as readonly Node[]) {
      if (!judge.isSafe(part, source)) places.add(lineAt(source.text, part.start));
    }
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

class Judge {
  readonly #house: House;
  readonly #parents = new Map<Source, ReadonlyMap<Node, Node>>();
  /** Asked already. A name that leads back to itself adds nothing of its own. */
  readonly #judged = new Map<Node, boolean>();

  constructor(house: House) {
    this.#house = house;
  }

  isSafe(node: Node, source: Source): boolean {
    const known = this.#judged.get(node);
    if (known !== undefined) return known;
    this.#judged.set(node, true);
    const safe = this.#look(node, source);
    this.#judged.set(node, safe);
    return safe;
  }

  #look(node: Node, source: Source): boolean {
    const all = (nodes: unknown): boolean => (nodes as readonly unknown[]).every((inner) => isNode(inner) && this.isSafe(inner, source));
    switch (node.type) {
      case 'Literal':
      case 'UpdateExpression': // a number, whatever it counts
        return true;
      case 'Identifier':
        return [CONSTANT, QUOTING, COUNTER].some((plain) => plain.test(nameOf(node))) || this.#isSafeName(node, source);
      case 'MemberExpression':
        if (node.computed) return all([node.object]);
        return CONSTANT.test(nameOf(node.object)) || MADE.test(nameOf(node.property));
      case 'TemplateLiteral':
        return all(node.expressions);
      case 'ArrayExpression':
        return all(node.elements);
      case 'SpreadElement':
        return all([node.argument]);
      case 'ParenthesizedExpression':
      case 'TSAsExpression':
      case 'TSNonNullExpression':
        return all([node.expression]);
      case 'ConditionalExpression':
        return all([node.consequent, node.alternate]);
      case 'BinaryExpression':
      case 'LogicalExpression':
        return all([node.left, node.right]);
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
      case 'FunctionDeclaration':
        return resultsOf(node).length > 0 && all(resultsOf(node));
      case 'CallExpression':
        return this.#isSafeCall(node, source);
      default:
        return false;
    }
  }

  // A call gives SQL if all that its function returns is, and if all it is given that may end up in there is.
  #isSafeCall(node: Node, source: Source): boolean {
    const callee = node.callee as Node;
    const given = node.arguments as readonly Node[];
    if (callee.type === 'Identifier') return this.isSafe(callee, source);
    if (callee.type !== 'MemberExpression') return false;
    const [first] = given;
    switch (nameOf(callee.property)) {
      case 'join':
        return this.isSafe(callee.object as Node, source);
      case 'concat':
        return [callee.object as Node, ...given].every((inner) => this.isSafe(inner, source));
      case 'map':
      case 'flatMap':
        return first !== undefined && this.isSafe(first, source);
      case 'filter':
        return this.isSafe(callee.object as Node, source);
      case 'entries':
      case 'keys':
      case 'values':
        return nameOf(callee.object) === 'Object' && first !== undefined && this.isSafe(first, source);
      default:
        return false;
    }
  }

  #isSafeName(use: Node, source: Source): boolean {
    const above = this.#parentsOf(source);
    const name = nameOf(use);
    for (let inner = use, scope = above.get(use); scope; inner = scope, scope = above.get(scope)) {
      if (isFunction(scope)) {
        const place = (scope.params as readonly Node[]).findIndex((param) => namesIn(param).includes(name));
        if (place >= 0) return this.#isSafeParameter(scope, { place, name }, source);
      }
      if (scope.type === 'ForOfStatement' && inner !== scope.right && namesIn(scope.left as Node).includes(name)) return false;
      for (const statement of bodyOf(scope)) {
        const found = this.#declared(statement, name, source);
        if (found !== null) return found;
      }
    }
    return false;
  }

  // A number, one of a few words, or what comes out of an array of SQL; everything else is up to the caller.
  #isSafeParameter(owner: Node, { place, name }: { readonly place: number; readonly name: string }, source: Source): boolean {
    const param = (owner.params as readonly Node[])[place] as Node;
    const bare = param.type === 'AssignmentPattern' ? (param.left as Node) : param;
    const annotation = isNode(bare.typeAnnotation) ? (bare.typeAnnotation.typeAnnotation as Node) : null;
    if (bare.type === 'ObjectPattern' && MADE.test(name)) return true;
    if (annotation) return isClosedType(annotation);
    const call = this.#parentsOf(source).get(owner);
    const callee = call?.type === 'CallExpression' ? (call.callee as Node) : null;
    if (callee?.type !== 'MemberExpression' || !/^(flatM|m)ap$/.test(nameOf(callee.property))) return false;
    return place === 1 || (place === 0 && this.isSafe(callee.object as Node, source));
  }

  /** Null when the statement does not declare the name. */
  #declared(statement: Node, name: string, source: Source): boolean | null {
    const inner = isNode(statement.declaration) ? statement.declaration : statement;
    if (inner.type === 'FunctionDeclaration') return nameOf(inner.id) === name ? this.isSafe(inner, source) : null;
    if (inner.type === 'VariableDeclaration') {
      const found = (inner.declarations as readonly Node[]).find(({ id }) => namesIn(id as Node).includes(name));
      if (!found) return null;
      if (nameOf(found.id) === name) return inner.kind === 'const' && isNode(found.init) && this.isSafe(found.init, source);
      return MADE.test(name); // taken out of an object
    }
    if (inner.type === 'ImportDeclaration' && (inner.specifiers as readonly Node[]).some(({ local }) => nameOf(local) === name)) {
      return this.#isSafeImport(inner, name, source);
    }
    return null;
  }

  #isSafeImport(statement: Node, name: string, source: Source): boolean {
    const from = source.imports.find(({ from }) => from === (statement.source as Node).value)?.file;
    const other = this.#house.sources.find(({ path }) => path === from);
    if (!other) return false;
    return bodyOf(other.tree).some((inner) => this.#declared(inner, name, other) === true);
  }

  #parentsOf(source: Source): ReadonlyMap<Node, Node> {
    const kept = this.#parents.get(source);
    if (kept) return kept;
    const made = new Map<Node, Node>();
    for (const node of nodesOf(source.tree)) {
      for (const child of Object.values(node).flat()) if (isNode(child)) made.set(child, node);
    }
    this.#parents.set(source, made);
    return made;
  }
}

function resultsOf(node: Node): readonly Node[] {
  if (!isNode(node.body)) return [];
  if (node.body.type !== 'BlockStatement') return [node.body];
  return [...nodesOf(node.body)].flatMap((inner) => (inner.type === 'ReturnStatement' && isNode(inner.argument) ? [inner.argument] : []));
}

function isFunction(node: Node): boolean {
  return /Function/.test(node.type) && Array.isArray(node.params);
}

function isClosedType(type: Node): boolean {
  if (type.type === 'TSUnionType') return (type.types as readonly Node[]).every(isClosedType);
  return type.type === 'TSNumberKeyword' || type.type === 'TSBigIntKeyword' || type.type === 'TSLiteralType';
}

// The names a pattern binds, and (harmlessly) those of its keys.
function namesIn(pattern: Node): readonly string[] {
  return [...nodesOf(pattern)].map(nameOf).filter((name) => name !== '');
}

function bodyOf(node: Node): readonly Node[] {
  return (node.type === 'Program' || node.type === 'BlockStatement') && Array.isArray(node.body) ? (node.body as readonly Node[]) : [];
}

function textOf(template: Node): string {
  return (template.quasis as readonly { readonly value: { readonly raw: string } }[]).map(({ value }) => value.raw).join('x');
}

function nameOf(node: unknown): string {
  return isNode(node) && typeof node.name === 'string' ? node.name : '';
}
