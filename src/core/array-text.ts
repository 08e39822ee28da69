/** The elements of a Postgres array as text, nested as the array is; NULL is null. */
export type ArrayText = readonly (string | null | ArrayText)[];

/**
 * Reads an array as Postgres prints it: quotes, escapes, NULL, any number of dimensions, and lower bounds other than 1 (which are dropped,
 * as every driver does). The delimiter is a comma for every type but `box`.
 *
 * @example parseArrayText('{{1,NULL},{"a,b","say \\"hi\\""}}') // [['1', null], ['a,b', 'say "hi"']]
 * @throws {SyntaxError} when it is not an array.
 */
export function parseArrayText(text: string, delimiter = ','): ArrayText {
  const start = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  const reader: Reader = { text, at: start, delimiter };
  const items = readItems(reader);
  if (reader.at !== text.length) throw notAnArray(reader);
  return items;
}

/** The inverse of {@link parseArrayText}: text that Postgres reads back as the same elements. */
export function formatArrayText(items: ArrayText, delimiter = ','): string {
  const parts = items.map((item) => {
    if (item === null) return 'NULL';
    return typeof item === 'string' ? `"${item.replace(/["\\]/g, '\\$&')}"` : formatArrayText(item, delimiter);
  });
  return `{${parts.join(delimiter)}}`;
}

interface Reader {
  readonly text: string;
  at: number;
  readonly delimiter: string;
}

function readItems(reader: Reader): ArrayText {
  const { text, delimiter } = reader;
  if (text[reader.at] !== '{') throw notAnArray(reader);
  reader.at++;
  const items: (string | null | ArrayText)[] = [];
  if (text[reader.at] === '}') {
    reader.at++;
    return items;
  }
  for (;;) {
    items.push(text[reader.at] === '{' ? readItems(reader) : text[reader.at] === '"' ? readQuoted(reader) : readBare(reader));
    const end = text[reader.at++];
    if (end === '}') return items;
    if (end !== delimiter) throw notAnArray(reader);
  }
}

function readQuoted(reader: Reader): string {
  const { text } = reader;
  let item = '';
  let from = ++reader.at;
  for (; reader.at < text.length; reader.at++) {
    const char = text[reader.at];
    if (char !== '"' && char !== '\\') continue;
    item += text.slice(from, reader.at++);
    if (char === '"') return item;
    from = reader.at; // the escaped character is taken as it is
  }
  throw notAnArray(reader);
}

function readBare(reader: Reader): string | null {
  const { text, delimiter } = reader;
  const from = reader.at;
  while (reader.at < text.length && text[reader.at] !== delimiter && text[reader.at] !== '}') reader.at++;
  const item = text.slice(from, reader.at);
  if (item === '') throw notAnArray(reader);
  // Postgres quotes a text that happens to read NULL.
  return item === 'NULL' ? null : item;
}

function notAnArray({ text, at }: Reader): SyntaxError {
  return new SyntaxError(`not an array of Postgres: character ${at} of ${text.length}`);
}
