/** A row as its texts, by column. A value that the log does not repeat, because it is stored elsewhere and did not change, is not there. */
export type Texts = Readonly<Record<string, string | null>>;

/** One line of Postgres' `test_decoding`. `old` is what the log has of the row before: its key at least, null: nothing. */
export type Decoded =
  | { readonly type: 'begin' | 'commit' | 'message' }
  | { readonly type: 'insert'; readonly table: string; readonly row: Texts }
  | { readonly type: 'update'; readonly table: string; readonly old: Texts | null; readonly row: Texts }
  | { readonly type: 'delete'; readonly table: string; readonly old: Texts }
  | { readonly type: 'truncate'; readonly tables: readonly string[] };

/** @throws {Error} for a line that is not understood: a judge does not guess. */
export function decode(line: string): Decoded {
  if (line.startsWith('BEGIN')) return { type: 'begin' };
  if (line.startsWith('COMMIT')) return { type: 'commit' };
  if (line.startsWith('message: ')) return { type: 'message' };
  const head = /^table ((?:[^:"]|"(?:[^"]|"")*")+): (INSERT|UPDATE|DELETE|TRUNCATE): /.exec(line);
  if (!head) throw new Error(`not a line of test_decoding: ${line.slice(0, 200)}`);
  const [whole, names = '', action] = head;
  const table = bare(names);
  const at = new Scanner(line, whole.length);
  switch (action) {
    case 'INSERT':
      return { type: 'insert', table, row: at.row() };
    case 'UPDATE': {
      const old = at.skips('old-key: ') ? at.row() : null;
      at.skips('new-tuple: ');
      return { type: 'update', table, old, row: at.row() };
    }
    case 'DELETE':
      return { type: 'delete', table, old: at.row() };
    default:
      return { type: 'truncate', tables: names.split(', ').map(bare) };
  }
}

const bare = (name: string): string => name.slice(name.indexOf('.') + 1).replaceAll('"', '');

/** Reads `name[type]:value name[type]:value …`. */
class Scanner {
  readonly #line: string;
  #at: number;

  constructor(line: string, at: number) {
    this.#line = line;
    this.#at = at;
  }

  skips(text: string): boolean {
    if (!this.#line.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  row(): Texts {
    const row: Record<string, string | null> = {};
    if (this.skips('(no-tuple-data)')) throw new Error(`a row without data: the replica identity is not full: ${this.#line.slice(0, 200)}`);
    while (this.#at < this.#line.length && !this.#line.startsWith('new-tuple: ', this.#at)) {
      const name = this.#upTo('[').replaceAll('"', '');
      this.#at = this.#line.indexOf(']:', this.#at) + 2;
      const value = this.#value();
      if (value !== undefined) row[name] = value;
      if (this.#line[this.#at] === ' ') this.#at++;
    }
    return row;
  }

  #upTo(mark: string): string {
    const end = this.#line.indexOf(mark, this.#at);
    if (end < 0) throw new Error(`no ${mark} in: ${this.#line.slice(this.#at, this.#at + 200)}`);
    const text = this.#line.slice(this.#at, end);
    this.#at = end;
    return text;
  }

  #value(): string | null | undefined {
    if (this.skips('unchanged-toast-datum')) return undefined;
    if (this.#line[this.#at] !== "'") {
      const end = this.#line.indexOf(' ', this.#at);
      const text = this.#line.slice(this.#at, end < 0 ? undefined : end);
      this.#at += text.length;
      return text === 'null' ? null : text;
    }
    let text = '';
    for (this.#at++; ; this.#at++) {
      text += this.#upTo("'");
      this.#at++;
      if (this.#line[this.#at] !== "'") return text;
      text += "'";
    }
  }
}
