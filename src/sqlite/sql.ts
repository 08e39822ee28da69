import { RowcastError } from '../core/index.ts';

/** The only way a name gets into SQL. */
export function ident(name: string): string {
  if (name.includes('\0')) throw new RowcastError('binding_invalid', 'a table or column name contains NUL; rename it');
  return `"${name.replaceAll('"', '""')}"`;
}

/** A literal, for statements that take no parameters: triggers. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `count` numbered texts joined: `list(2, (at) => `o${at}`)` is `o0, o1`. */
export function list(count: number, each: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => each(at)).join(', ');
}

/** The top-level text of a CREATE INDEX statement after its WHERE; null when it has none. Quotes, comments and brackets are stepped over. */
export function predicateOf(createIndex: string): string | null {
  let depth = 0;
  for (const { 0: token, index } of createIndex.matchAll(TOKENS)) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (depth === 0 && token.toLowerCase() === 'where') return createIndex.slice(index + token.length).trim();
  }
  return null;
}

const TOKENS =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[^]*?\*\/|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[()]/g;
