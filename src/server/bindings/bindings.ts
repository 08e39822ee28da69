import {
  membersOf,
  RowcastError,
  streamOf,
  type Binding,
  type Bound,
  type Members,
  type Model,
  type Routes,
  type Stream,
  type Table,
} from '../../core/index.ts';

/** The tables that bindings name, each by one model, and the columns that each must find in the database. */
export function boundOf(bindings: Readonly<Record<string, Binding>>): readonly Bound[] {
  const tables = new Map<string, { readonly model: Model; readonly listed: Set<string>; readonly grouped: (readonly string[])[] }>();
  const bind = (model: Model, listed: Iterable<string>, grouped: readonly string[] | null): void => {
    const id = tableName(model);
    let bound = tables.get(id);
    if (!bound) tables.set(id, (bound = { model, listed: new Set(), grouped: [] }));
    if (!sameColumns(bound.model, model)) {
      throw new RowcastError(
        'binding_invalid',
        `two bindings have different models of the table "${model.table.name}"; declare it once and use that in both`,
      );
    }
    for (const name of [...model.key, ...listed]) bound.listed.add(name);
    if (grouped) bound.grouped.push(grouped);
  };
  for (const { model, fields, writable, groupBy, memberships } of Object.values(bindings)) {
    bind(model, [...fields, ...writable, ...(groupBy ?? [])], groupBy);
    for (const { model: of, user, match, role } of memberships) bind(of, [user, ...match, ...(role === null ? [] : [role])], [user]);
  }
  return [...tables.values()];
}

const tableName = ({ table }: Model): string => JSON.stringify([table.schema ?? null, table.name]);

function sameColumns(one: Model, other: Model): boolean {
  return one === other || JSON.stringify(one.columns) === JSON.stringify(other.columns);
}

/** Bindings, joined to the tables of an open database. */
export interface Joined {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly members: readonly Members[];
}

export function joined(bindings: Readonly<Record<string, Binding>>, tables: ReadonlyMap<Model, Table>): Joined {
  const byName = new Map([...tables].map(([model, table]) => [tableName(model), table]));
  const tableOf = (model: Model): Table => byName.get(tableName(model)) as Table;
  const streams = new Map<string, Stream>();
  const members = new Map<string, Members>();
  for (const [name, binding] of Object.entries(bindings)) {
    if (!/^[A-Za-z0-9_.-]{1,80}$/.test(name)) {
      throw new RowcastError('binding_invalid', `"${name}" is no stream name; use letters, digits, ".", "_" and "-", 80 at most`);
    }
    streams.set(name, streamOf(name, binding, tableOf(binding.model)));
    for (const membership of binding.memberships) members.set(membership.name, membersOf(membership, tableOf(membership.model)));
  }
  return { streams, members: [...members.values()] };
}

export function routesOf({ streams, members }: Joined): Routes {
  return { streams: byTable(streams.values()), members: byTable(members) };
}

function byTable<T extends { readonly table: Table }>(all: Iterable<T>): ReadonlyMap<Table, readonly T[]> {
  const tables = new Map<Table, T[]>();
  for (const each of all) {
    const others = tables.get(each.table);
    if (others) others.push(each);
    else tables.set(each.table, [each]);
  }
  return tables;
}
