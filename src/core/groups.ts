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

/** Names are tuples, written so that no two tuples share a name. Null when a value is missing: such a row is in no group. */
export function groupName(model: string, columns: readonly string[], values: readonly unknown[]): string | null {
  const parts: string[] = [model];
  for (const [index, column] of columns.entries()) {
    const text = valueText(values[index]);
    if (text === null) return null;
    parts.push(column, text);
  }
  return JSON.stringify(parts);
}

function valueText(value: unknown): string | null {
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
