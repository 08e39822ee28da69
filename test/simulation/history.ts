import { ORIGIN, type Position } from '../../src/core/index.ts';
import { groupsIn, STREAMS, TABLE_NAMES, type Row, type StreamName, type TableName, type User } from './app.ts';

/** The tables at one moment. Never changed: another moment is another value. */
export type Tables = Readonly<Record<TableName, ReadonlyMap<number, Row>>>;

export const EMPTY: Tables = { post: new Map(), task: new Map(), note: new Map(), member: new Map() };

/** What one commit leaves of a row; null: nothing. */
export interface Put {
  readonly table: TableName;
  readonly id: number;
  readonly row: Row | null;
}

export function after(tables: Tables, puts: readonly Put[]): Tables {
  const next: Record<TableName, Map<number, Row>> = { ...tables } as never;
  const copied = new Set<TableName>();
  for (const { table, id, row } of puts) {
    if (!copied.has(table)) {
      copied.add(table);
      next[table] = new Map(next[table]);
    }
    if (row) next[table].set(id, row);
    else next[table].delete(id);
  }
  return next;
}

/** Which rows somebody asked for: a stream, with its params or by the connection's own groups. */
export interface Asked {
  readonly stream: StreamName;
  readonly params: Readonly<Record<string, number>> | null;
}

/** Rows as a client must have them: texts by the text of their key. */
export type Expected = ReadonlyMap<string, string>;

export interface Moment {
  readonly position: Position;
  readonly tables: Tables;
  readonly views: Map<string, Expected>;
}

/**
 * The tables as of every commit, in the order of the log, and what each viewer must have of them. It knows nothing of what is tested: the
 * rules are written down here a second time.
 */
export class History {
  readonly #since: (user: string, blog: number) => Position | null;
  readonly #moments: Moment[] = [{ position: ORIGIN, tables: EMPTY, views: new Map() }];

  /** @param since from which position on a user may have a blog; null: from none */
  constructor(since: (user: string, blog: number) => Position | null) {
    this.#since = since;
  }

  get tables(): Tables {
    return (this.#moments.at(-1) as Moment).tables;
  }

  get position(): Position {
    return (this.#moments.at(-1) as Moment).position;
  }

  commit(position: Position, tables: Tables): void {
    this.#moments.push({ position, tables, views: new Map() });
  }

  at(position: Position): Tables {
    return this.#moment(position).tables;
  }

  /** How many commits there are after one position, up to another. */
  between(from: Position, to: Position): number {
    return this.#place(to) - this.#place(from);
  }

  /** The tables after each commit past one position, up to another. */
  *since(from: Position, to: Position): Iterable<{ readonly position: Position; readonly tables: Tables }> {
    const end = this.#place(to);
    for (let place = this.#place(from) + 1; place <= end; place++) yield this.#moments[place] as Moment;
  }

  /** The rows of a view at a position; null: this user may not have it then. */
  view(user: User, asked: Asked, position: Position): Expected | null {
    const moment = this.#moment(position);
    const groups = this.groups(user, asked, moment);
    if (groups === null) return null;
    const name = `${asked.stream} ${groups.join(' ')}`;
    let rows = moment.views.get(name);
    if (!rows) moment.views.set(name, (rows = viewOf(asked.stream, new Set(groups), moment.tables)));
    return rows;
  }

  /** The groups that decide: null where the user may not ask for them. */
  groups(user: User, { stream, params }: Asked, { tables, position }: Pick<Moment, 'tables' | 'position'>): readonly string[] | null {
    switch (stream) {
      case 'posts': {
        if (!params) return [];
        const since = this.#since(user.id, params['blog'] as number);
        return since !== null && since <= position ? [String(params['blog'])] : null;
      }
      case 'notes':
        return user.audiences;
      case 'tasks': {
        const orgs = new Set([...tables.member.values()].filter(({ userId }) => userId === user.id).map(({ orgId }) => String(orgId)));
        if (!params) return [...orgs].sort();
        return orgs.has(String(params['org'])) ? [String(params['org'])] : null;
      }
    }
  }

  #moment(position: Position): Moment {
    return this.#moments[this.#place(position)] as Moment;
  }

  #place(position: Position): number {
    let [low, high] = [0, this.#moments.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#moments[middle] as Moment).position <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function viewOf(stream: StreamName, groups: ReadonlySet<string>, tables: Tables): Expected {
  const { table, fields } = STREAMS[stream];
  const rows = new Map<string, string>();
  for (const [id, row] of tables[table])
    if (groupsOf(stream, row).some((group) => groups.has(group))) rows.set(String(id), textOf(row, fields));
  return rows;
}

function groupsOf(stream: StreamName, row: Row): readonly string[] {
  switch (stream) {
    case 'posts':
      return row['blog'] === null ? [] : [String(row['blog'])];
    case 'tasks':
      return row['org'] === null ? [] : [String(row['org'])];
    case 'notes':
      return groupsIn(row['audience'] ?? null);
  }
}

export function textOf(row: Readonly<Record<string, unknown>>, fields: readonly string[]): string {
  return JSON.stringify(Object.fromEntries(fields.map((field) => [field, row[field]])));
}

/** Both have the same rows; otherwise what differs, in words. */
export function difference(rows: ReadonlyMap<string, string>, expected: Expected): string | null {
  const words: string[] = [];
  for (const [key, text] of expected) {
    const has = rows.get(key);
    if (has === undefined) words.push(`lacks ${key} ${text}`);
    else if (has !== text) words.push(`has ${key} as ${has} in place of ${text}`);
  }
  for (const [key, text] of rows) if (!expected.has(key)) words.push(`has ${key} ${text} beyond`);
  return words.length === 0 ? null : words.join('; ');
}

export const rowCount = (tables: Tables): number => TABLE_NAMES.reduce((sum, name) => sum + tables[name].size, 0);
