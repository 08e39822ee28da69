import type { Key } from '../protocol/index.ts';

/**
 * How rows are ordered: by a field (`'title'`), from its end (`'-createdAt'`), by several (`['-pinned', 'title']`), or by a function of your own. Texts are compared by
 * their characters' codes, `null` is after everything.
 */
export type OrderBy<D> = FieldOrder<D> | readonly FieldOrder<D>[] | ((one: D, other: D) => number);
type FieldOrder<D> = (keyof D & string) | `-${keyof D & string}`;

export type Compare<V> = (one: V, other: V) => number;

export function comparing<D>(orderBy: OrderBy<D>): Compare<D> {
  if (typeof orderBy === 'function') return orderBy;
  const orders: readonly string[] = typeof orderBy === 'string' ? [orderBy] : orderBy;
  const fields = orders.map((order) => {
    const back = order.startsWith('-');
    return [(back ? order.slice(1) : order) as keyof D, back ? -1 : 1] as const;
  });
  return (one, other) => {
    for (const [name, sign] of fields) {
      const verdict = compareValues(one[name], other[name]);
      if (verdict !== 0) return verdict * sign;
    }
    return 0;
  };
}

/** Numbers by their size, texts by their characters, composite ones part by part. */
export function compareKeys(one: Key, other: Key): number {
  if (!Array.isArray(one) || !Array.isArray(other)) return compareValues(one, other);
  for (const [at, part] of one.entries()) {
    const verdict = compareKeys(part as Key, (other[at] ?? null) as Key);
    if (verdict !== 0) return verdict;
  }
  return one.length - other.length;
}

/** A total order, whatever stands in a field: what is sought by halves would not be found without one. */
function compareValues(one: unknown, other: unknown): number {
  const a = plain(one);
  const b = plain(other);
  const ranks = rank(a) - rank(b);
  if (ranks !== 0 || a === null || b === null) return ranks;
  return a < b ? -1 : a > b ? 1 : 0;
}

type Plain = boolean | number | bigint | string | null;

function plain(value: unknown): Plain {
  if (value instanceof Date) return plain(value.getTime());
  switch (typeof value) {
    case 'number':
      return Number.isNaN(value) ? 'NaN' : value; // it is neither less nor more than any number
    case 'boolean':
    case 'bigint':
    case 'string':
      return value;
    default:
      return value === null || value === undefined ? null : JSON.stringify(value);
  }
}

function rank(value: Plain): number {
  if (value === null) return 3;
  if (typeof value === 'string') return 2;
  return typeof value === 'boolean' ? 0 : 1;
}
