import type { Delivery, Entry } from './entry.ts';

/**
 * Entries that follow one another, as one text: the way they are stored and sent. A line of JSON, then the fields of all rows, one right after the
 * other. Fields are JSON already, and most of what there is: they are cut out again, and neither escaped nor parsed. The line is
 * `[prev, names, items]`: each name of a stream, a group or a version stands in it once, and is a number in the items.
 */
export function textOf(entries: readonly Entry[]): string {
  const names = new Names();
  const items: unknown[] = [];
  let all = '';
  for (const { position, prev: _, xid, time, version, receipts, deliveries, resets, members, ...rest } of entries) {
    items.push(position, xid, time ?? null, version === undefined ? null : names.number(version), deliveries.length);
    for (const { stream, key, before, after, fields } of deliveries) {
      items.push(names.number(stream), key, names.numbers(before), names.numbers(after), fields.length);
      all += fields;
    }
    const more: Record<string, unknown> = rest;
    if (receipts.length > 0) more['receipts'] = receipts;
    if (resets.length > 0) more['resets'] = resets;
    if (members.length > 0) more['members'] = members;
    items.push(Object.keys(more).length > 0 ? more : null);
  }
  return `${JSON.stringify([entries[0]?.prev ?? null, names.all, items])}\n${all}`;
}

/** Null: it is no such text. */
export function entriesIn(text: string): Entry[] | null {
  try {
    return read(text);
  } catch {
    return null;
  }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

type Item = string | number | null | readonly number[] | Partial<Entry>;

function read(text: string): Entry[] | null {
  const end = text.indexOf('\n');
  let at = end + 1;
  const [first, names, items] = JSON.parse(text.slice(0, end)) as [string, readonly string[], readonly Item[]];
  if (end < 0 || !Array.isArray(items)) return null;
  let prev = first;
  const named = (which: Item | undefined): readonly string[] | null => {
    if (typeof which === 'number') return [names[which] as string];
    return which === null ? null : (which as readonly number[]).map((each) => names[each] as string);
  };
  const entries: Entry[] = [];
  for (let item = 0; item < items.length;) {
    const position = items[item++] as string;
    const xid = items[item++] as string | null;
    const time = items[item++] as number | null;
    const version = items[item++] as number | null;
    const deliveries: Delivery[] = [];
    for (let left = items[item++] as number; left > 0; left--, item += 5) {
      const to = at + (items[item + 4] as number);
      deliveries.push({
        stream: names[items[item] as number] as string,
        key: items[item + 1] as string,
        before: named(items[item + 2]),
        after: named(items[item + 3]),
        fields: text.slice(at, to),
      });
      at = to;
    }
    const more = items[item++] as Partial<Entry> | null;
    const entry: Writable<Entry> = { position, prev, xid, receipts: [], deliveries, resets: [], members: [] };
    if (time !== null) entry.time = time;
    if (version !== null) entry.version = names[version] as string;
    entries.push(more === null ? entry : Object.assign(entry, more));
    if (typeof position !== 'string' || typeof prev !== 'string') return null;
    prev = position;
  }
  return at === text.length ? entries : null;
}

/** Each name once, in the order they came. */
class Names {
  readonly all: string[] = [];
  readonly #numbers = new Map<string, number>();

  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.all.length);
    return this.all.push(name) - 1;
  }

  /** One name, as it is mostly, is its number; none, or several, are a list. */
  numbers(names: readonly string[] | null): number | null | readonly number[] {
    if (names === null) return null;
    return names.length === 1 ? this.number(names[0] as string) : names.map((name) => this.number(name));
  }
}
