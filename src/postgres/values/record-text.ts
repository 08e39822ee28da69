/**
 * Reads a row as Postgres prints it as one value: `(1,"say ""hi""",,"")`. Nothing between two commas is NULL. A text that was printed by
 * `record_out` always reads; the number of values is the number of columns there were.
 *
 * @throws {SyntaxError} when it is not a row.
 */
export function parseRecordText(text: string): (string | null)[] {
  const end = text.length - 1;
  if (text[0] !== '(' || text[end] !== ')') throw new SyntaxError('not a row of Postgres');
  const values: (string | null)[] = [];
  let at = 1;
  for (;;) {
    if (text[at] === '"') {
      let value = '';
      let from = ++at;
      for (; ; at++) {
        if (at >= end) throw new SyntaxError('not a row of Postgres: a quote is open');
        const char = text[at];
        if (char !== '"' && char !== '\\') continue;
        value += text.slice(from, at++);
        // A quote or backslash stands twice for itself; a single quote ends the value.
        if (char === '"' && text[at] !== '"') break;
        from = at;
      }
      values.push(value);
    } else {
      let to = text.indexOf(',', at);
      if (to === -1) to = end;
      values.push(to === at ? null : text.slice(at, to));
      at = to;
    }
    if (at === end) return values;
    if (text[at++] !== ',') throw new SyntaxError('not a row of Postgres');
  }
}
