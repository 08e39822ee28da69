import { ColumnGroup, groupName, groupValue, ValueError, type Stream } from '../../core/index.ts';
import type { Params } from '../../protocol/index.ts';
import { invalid, valueOf, type Checked, type Values } from './values.ts';

/** The group that params name, and the columns' values; null when they are not exactly the stream's. */
export function groupOf(
  { binding, table }: Pick<Stream, 'binding' | 'table'>,
  params: Params,
): { readonly name: string; readonly values: Values; readonly group: ColumnGroup } | null {
  const columns = binding.groupBy;
  if (!columns || Object.keys(params).length !== columns.length) return null;
  const values: Values = {};
  for (const column of columns) {
    const json = params[column];
    if (json === undefined || json === null) return null;
    try {
      const place = table.columns.findIndex(({ name }) => name === column);
      values[column] = valueOf(table, place, json);
    } catch (error) {
      if (error instanceof ValueError) return null;
      throw error;
    }
  }
  const named = columns.map((column) => values[column]);
  const name = groupName(binding.audience, columns, named);
  return name === null ? null : { name, values, group: new ColumnGroup(name, binding.audience, named) };
}

interface Placing {
  /** What is known of the row so far. */
  readonly values: Values;
  /** May the writer write into this group's view? */
  mayEnter(stream: Stream, group: ColumnGroup, values: Values): Promise<boolean>;
}

/**
 * A created row takes its `groupBy` columns from the view it was made in, and from nowhere else: a group the writer holds or may ask for (a client that
 * came back writes before it subscribes), or one it may not write into. Only a stamp, a hook or a `writable` column may place a row without a view.
 */
export async function placedBy(stream: Stream, params: Params | undefined, { values, mayEnter }: Placing): Promise<Checked> {
  const { binding } = stream;
  const { groupBy, options } = binding;
  if (!params || Object.keys(params).length === 0) {
    const open = groupBy?.find((column) => !(column in values) && !binding.writable.includes(column)) ?? null;
    if (open === null || options.create) return { ok: true, values: {} };
    return { ok: false, refused: invalid({ params: `must say the ${groupBy?.join(', ')} the row belongs to: write in a view of it` }) };
  }
  const group = groupOf(stream, params);
  if (group === null || !groupBy)
    return {
      ok: false,
      refused: invalid({ params: groupBy ? `must be ${groupBy.join(', ')}` : 'must be left out: this stream has none' }),
    };
  if (!(await mayEnter(stream, group.group, group.values)))
    return { ok: false, refused: { ok: false, code: 'forbidden', message: 'these params are not yours to write into' } };
  const other = groupBy.find((column) => column in values && groupValue(values[column]) !== groupValue(group.values[column]));
  if (other !== undefined) return { ok: false, refused: invalid({ [other]: 'is another than the params say' }) };
  return { ok: true, values: group.values };
}
