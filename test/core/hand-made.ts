import {
  bindingFor,
  streamOf,
  type Binding,
  type Change,
  type Column,
  type Commit,
  type Image,
  type LogValue,
  type Members,
  type Model,
  type Routes,
  type Stream,
  type Table,
} from '../../src/core/index.ts';

export type HandRow = Readonly<Record<string, unknown>>;

/** A model without an ORM: log values are its rows' values. */
export function handModel(
  name: string,
  columns: readonly (string | Partial<Column>)[],
  key: readonly string[] = ['id'],
): Model<HandRow, HandRow> {
  return {
    dialect: 'sqlite',
    name: `main.${name}`,
    table: { schema: undefined, name },
    columns: columns.map((given) => {
      const column = typeof given === 'string' ? { name: given } : given;
      return {
        name: '',
        column: column.name ?? '',
        sqlType: 'text',
        shape: 'string',
        notNull: false,
        hasDefault: false,
        generated: false,
        ...column,
      };
    }),
    key,
    fromLog: (_, value) => value,
    toParam: (_, value) => value,
    fill: () => undefined,
  };
}

/** Its table, whose codec is JSON. */
export function handTable(model: Model<HandRow, HandRow>): Table {
  return {
    model: model as unknown as Model,
    id: model.name,
    columns: model.columns.map((column) => ({
      ...column,
      kind: ['text', 'string'],
      nullable: true,
      toWire: (value) => JSON.stringify(value),
      fromWire: (value) => value as LogValue,
    })),
    key: model.key.map((name) => model.columns.findIndex((column) => column.name === name)),
  };
}

export const binding = bindingFor<null>();

export function handStream(name: string, bound: Binding, table: Table): Stream {
  return streamOf(name, bound, table);
}

/** Each table with what it is read for. */
export function routesOf(streams: readonly Stream[], members: readonly Members[] = []): Routes {
  return { streams: byTable(streams), members: byTable(members) };
}

function byTable<T extends { readonly table: Table }>(all: readonly T[]): ReadonlyMap<Table, readonly T[]> {
  const tables = new Map<Table, T[]>();
  for (const each of all) tables.set(each.table, [...(tables.get(each.table) ?? []), each]);
  return tables;
}

export function commitOf(changes: readonly Change[], over: Partial<Commit> = {}): Commit {
  return { position: '0000000000000001', xid: null, receipts: [], changes, lost: [], ...over };
}

export function change(table: Table, before: Image | null, after: Image | null): Change {
  return { table, before, after };
}
