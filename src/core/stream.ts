import { createHash } from 'node:crypto';
import type { Binding } from './binding.ts';
import { RowcastError } from './errors.ts';
import { groupKey, groupNamer } from './groups.ts';
import type { Image, LogValue } from './model.ts';
import { placeOf, projection, rowOf, rowValue, type Table } from './table.ts';
import { toWire } from '../protocol/index.ts';

/** A binding under its name, joined to its table: what a commit is routed by. Its functions are pure and made once. */
export interface Stream {
  readonly name: string;
  readonly binding: Binding;
  readonly table: Table;
  /** What a client of this stream may know the name of: its fields, the key, and what may be written. */
  readonly named: ReadonlySet<string>;
  /** What decides which rows and fields a viewer has: another one means that what was told before is not what would be told now. */
  readonly fingerprint: string;
  /** The groups that see the row. @throws when the app's `groupNames` does, or gives something else than names. */
  groups(image: Image): readonly string[];
  /** Two images of a row have the same groups, as far as can be said without asking for them. */
  stays(before: Image, after: Image): boolean;
  /** The whitelisted fields as JSON text; null when `serialize` says that the row is in no group. */
  text(image: Image): string | null;
}

export function streamOf(name: string, binding: Binding, table: Table): Stream {
  const places = binding.fields.map((field) => placeOf(table, field));
  return {
    name,
    binding,
    table,
    named: new Set([...binding.fields, ...binding.writable, ...table.model.key]),
    fingerprint: fingerprintOf(binding, table),
    groups: groupsBy(binding, table),
    stays: staysBy(binding, table),
    text: textBy(name, binding, table, places),
  };
}

/** What decides whose a row is, and what of it they get. Groups by columns are named for their audience, which is more than how they are grouped. */
function fingerprintOf({ model, fields, options, audience }: Binding, table: Table): string {
  const kinds = table.columns.filter(({ name }) => fields.includes(name)).map(({ name, kind }) => [name, ...kind]);
  const { groupNames, serialize, version } = options;
  const by = typeof groupNames === 'function' ? String(groupNames) : [audience, ...groupNames.groupBy];
  const text = JSON.stringify([model.name, model.key, kinds, by, String(serialize), version ?? null]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

function groupsBy(binding: Binding, table: Table): (image: Image) => readonly string[] {
  const { groupNames } = binding.options;
  if (typeof groupNames === 'function') return (image) => namesOf(binding, groupNames(rowOf(table, image)));
  const columns = groupNames.groupBy;
  const places = columns.map((column) => placeOf(table, column));
  const name = groupNamer(binding.audience, columns);
  const groupsOf = (image: Image): readonly string[] => {
    const group = name(places.map((place) => rowValue(table, image, place)));
    return group === null ? NO_GROUPS : [group];
  };
  const [only] = places;
  return only === undefined || places.length > 1 ? groupsOf : remembered(groupsOf, only);
}

/** Groups that are kept at hand by the value that names them: the same rows' groups are asked for again and again. */
const REMEMBERED = 10_000;

function remembered(groupsOf: (image: Image) => readonly string[], place: number): (image: Image) => readonly string[] {
  const known = new Map<LogValue, readonly string[]>();
  return (image) => {
    const value = image[place] as LogValue;
    let groups = known.get(value);
    if (groups === undefined) {
      groups = groupsOf(image);
      if (typeof value === 'object' || typeof value === 'symbol') return groups;
      if (known.size >= REMEMBERED) known.clear();
      known.set(value, groups);
    }
    return groups;
  };
}

function staysBy({ options: { groupNames, serialize } }: Binding, table: Table): (before: Image, after: Image) => boolean {
  if (typeof groupNames === 'function' || serialize) return () => false;
  const places = groupNames.groupBy.map((column) => placeOf(table, column));
  return (before, after) => places.every((place) => before[place] === after[place]);
}

const NO_GROUPS: readonly string[] = [];

function namesOf(binding: Binding, names: unknown): readonly string[] {
  if (!Array.isArray(names)) {
    throw new RowcastError('hook_invalid', `groupNames of "${binding.model.table.name}" must return an array of names, at once`);
  }
  const keys = names.map(groupKey);
  return keys.length > 1 ? [...new Set(keys)] : keys;
}

function textBy(name: string, binding: Binding, table: Table, places: readonly number[]): (image: Image) => string | null {
  const { serialize } = binding.options;
  if (!serialize) return projection(table, places);
  return (image) => {
    const made = serialize(rowOf(table, image));
    if (made === null) return null;
    if (typeof made !== 'object' || Array.isArray(made) || typeof (made as { then?: unknown }).then === 'function') {
      throw new RowcastError('hook_invalid', `serialize of "${name}" must return an object of fields or null, at once`);
    }
    return JSON.stringify(toWire(made));
  };
}
