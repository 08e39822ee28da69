import { ColumnGroup, keyText, placeOf, RowcastError, type Condition, type Image, type Selection, type Stream } from '../../core/index.ts';
import type { Held } from '../fan-out/held.ts';
import type { RowText } from '../fan-out/wire.ts';

/** The rows of a stream that some groups have. */
export interface Wanted {
  readonly stream: Stream;
  readonly groups: Held;
}

/** The same for all who want the same rows. */
export function keyOf({ stream, groups }: Wanted): string {
  return JSON.stringify([stream.name, [...groups.keys()].sort()]);
}

/** Where the rows of these groups are found. */
export function selectionOf({ stream: { name, binding, table }, groups }: Wanted): Selection {
  if (binding.groupBy) {
    const places = binding.groupBy.map((column) => placeOf(table, column));
    const tuples = [...groups.values()].flatMap((group) => (group instanceof ColumnGroup ? [group.values] : []));
    return { by: 'values', places, tuples };
  }
  const { where } = binding.options;
  if (!where) return { by: 'all' };
  const { condition } = table.model;
  if (!condition) throw new RowcastError('binding_invalid', `"${name}" has a \`where\`, and its model takes no conditions; leave it out`);
  const any = [...groups.keys()].flatMap((group): Condition[] => {
    const found = where.call(binding.options, group);
    return found ? [condition.call(table.model, found)] : [];
  });
  return { by: 'condition', any };
}

/** As they would have come by the log: the same projection, the same test. */
export function rowsOf({ stream, groups }: Wanted, rows: readonly Image[]): readonly RowText[] {
  return rows.flatMap((image): RowText[] => {
    if (!stream.groups(image).some((group) => groups.has(group))) return [];
    const fields = stream.text(image);
    return fields === null ? [] : [{ key: keyText(stream.table, image), fields }];
  });
}
