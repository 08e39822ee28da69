import { UNREADABLE, type Image } from '../../core/index.ts';
import type { Attribute, Followed } from './standing.ts';
import type { RawRow } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** How the rows that were written into one store of a table between two moments are read. Null: by which columns cannot be known. */
export type ReadRow = (values: RawRow) => Image | null;

/**
 * A row is written as one text, its values in the order of the columns that there were, and does not say which. Where nothing was altered
 * between the two moments, those are known. Where something was, a row is read only if every listed column stands at the same place whatever
 * was done: each is untouched (not so much as renamed and back), and what was dropped stood behind it, or its row's width tells. A column
 * that nobody lists and that was touched is unreadable, and holds up no other.
 */
export function rowReader(table: PgTable, before: Followed, after: Followed): ReadRow {
  const was = placesIn(table, before.attributes);
  const is = placesIn(table, after.attributes);
  const isListed = table.columns.map(({ listed }) => listed);
  if (isListed.some((listed, column) => listed && is[column] === -1)) return nothing;
  if (isSame(before.attributes, after.attributes)) return exactly(after.attributes.length, is);
  const steady = table.columns.map((_, column) => untouched(before.attributes[was[column] ?? -1], after.attributes[is[column] ?? -1]));
  if (isListed.some((listed, column) => listed && !steady[column])) return nothing;
  const [old, now] = [was, is].map((places) => places.map((place, column) => (steady[column] ? place : -1))) as [number[], number[]];
  if (old.every((place, column) => place === now[column]))
    return (values) => (values.length > Math.max(...now) ? imageOf(values, now) : null);
  const dropped = before.attributes.length - after.attributes.length;
  if (before.made !== after.made || dropped !== 1) return nothing;
  const [wide, narrow] = [exactly(before.attributes.length, old), exactly(after.attributes.length, now)];
  return (values) => wide(values) ?? narrow(values);
}

const nothing: ReadRow = () => null;

function exactly(width: number, places: readonly number[]): ReadRow {
  return (values) => (values.length === width ? imageOf(values, places) : null);
}

function imageOf(values: RawRow, places: readonly number[]): Image {
  return places.map((place) => (place === -1 ? UNREADABLE : (values[place] ?? null)));
}

/** Where each of the model's columns stands among these; -1 where it does not, as the model has it. */
function placesIn({ columns }: PgTable, attributes: readonly Attribute[]): readonly number[] {
  return columns.map(({ column, type }) => attributes.findIndex((each) => each.name === column && each.type === type));
}

function isSame(one: readonly Attribute[], other: readonly Attribute[]): boolean {
  return one.length === other.length && one.every((attribute, at) => untouched(attribute, other[at]));
}

function untouched(one: Attribute | undefined, other: Attribute | undefined): boolean {
  return one !== undefined && one.number === other?.number && one.version === other.version;
}
