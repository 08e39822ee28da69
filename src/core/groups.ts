import { RowcastError } from './errors.ts';

/** Audiences by column: see {@link groupBy}. */
export interface GroupBy<C extends string = string> {
  readonly groupBy: readonly C[];
}

/**
 * One group per value of the named columns: who sees a row, which group a client asks for and which rows that group has then agree by
 * construction. A row with NULL in one of them is in no group.
 *
 * @example
 * ```ts
 * groupNames: groupBy('blogId') // posts.group({ blogId: 7 }) names the group of blog 7
 * ```
 */
export function groupBy<const C extends string>(...columns: readonly [C, ...C[]]): GroupBy<C> {
  return { groupBy: columns };
}

/**
 * A group that `binding.group(…)` names. An object, so that no text can be one: a chat room's name that a client made up never opens rows.
 */
export class ColumnGroup {
  readonly key: string;
  /** Whose rows: a binding's own name for them. */
  readonly audience: string;
  /** The columns' values, in their order. */
  readonly values: readonly unknown[];

  constructor(key: string, audience: string, values: readonly unknown[]) {
    this.key = key;
    this.audience = audience;
    this.values = values;
  }
}

/** A group by a name of the app's own, or one of `binding.group(…)`. */
export type Group = string | ColumnGroup;

/** No name of the app's own begins with it. */
const COLUMNS = '\u0000';

/** The name by which a group is kept. @throws {RowcastError} `hook_invalid` for what names no group. */
export function groupKey(group: unknown): string {
  if (group instanceof ColumnGroup) return group.key;
  if (typeof group === 'string' && group !== '' && !group.startsWith(COLUMNS)) return group;
  throw new RowcastError('hook_invalid', 'a group is a name, a text that is not empty, or what `binding.group(…)` gives');
}

/**
 * Gives the key of a group by columns, for the audience of one binding. Keys are tuples, written so that no two tuples share one. Null when a
 * value is missing: such a row is in no group.
 */
export function groupNamer(audience: string, columns: readonly string[]): (values: readonly unknown[]) => string | null {
  const head = `${COLUMNS}[${JSON.stringify(audience)}`;
  const heads = columns.map((column) => `,${JSON.stringify(column)},`);
  return (values) => {
    let name = head;
    for (let at = 0; at < heads.length; at++) {
      const text = groupValue(values[at]);
      if (text === null) return null;
      name += (heads[at] as string) + JSON.stringify(text);
    }
    return `${name}]`;
  };
}

/** The same for once. */
export function groupName(audience: string, columns: readonly string[], values: readonly unknown[]): string | null {
  return groupNamer(audience, columns)(values);
}

/** A value as a group's key has it: equal for values that are the same to the app. */
export function groupValue(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      // A date of no moment (an `infinity` read as a Date) names no group: better unseen than seen by whoever names another.
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
      if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
      return value === null ? null : JSON.stringify(value);
    default:
      return null;
  }
}
