import type { Bound, Model } from '../../src/core/index.ts';

/** A column as `name type`; the first is the key. */
export type BareColumns = Readonly<Record<string, string>>;

/** A model whose values are the log's own text: what crosses is what the database says, and no ORM's opinion of it. */
export function bareModel(
  name: string,
  columns: BareColumns,
  { key = Object.keys(columns).slice(0, 1), schema }: { key?: readonly string[]; schema?: string } = {},
): Model {
  return {
    dialect: 'postgres',
    name: `${schema ?? 'public'}.${name}`,
    table: { schema, name },
    columns: Object.entries(columns).map(([column, sqlType]) => ({
      name: column,
      column,
      sqlType,
      shape: 'string',
      notNull: false,
      hasDefault: false,
      generated: false,
    })),
    key,
    fromLog: (_place, value) => value,
    toParam: (_place, value) => value,
    fill: () => undefined,
  };
}

export function bound(model: Model, listed: readonly string[] = model.columns.map(({ name }) => name)): Bound {
  return { model, listed: new Set(listed) };
}
