import type { Bound, Model, OpenDatabase, Table } from '../../src/core/index.ts';
import { memory } from '../../src/memory/index.ts';
import { plainModel } from '../../src/testing/index.ts';
import { suiteClock } from '../../src/testing/opened.ts';

/** A table of these columns, by what code has them as, all listed. */
export function boundOf(table: string, shapes: Readonly<Record<string, Table['columns'][number]['shape']>>, key: readonly string[]): Bound {
  const columns = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { sqlType: shape, shape }]));
  const model = plainModel({ dialect: 'sqlite', table, key, columns }) as unknown as Model;
  return { model, listed: new Set(Object.keys(shapes)) };
}

/** A database in memory with this table. */
export async function openOf(bound: Bound): Promise<{ readonly open: OpenDatabase; readonly table: Table }> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const open = await memory().open([bound], { setup: 'auto', clock: suiteClock, log });
  return { open, table: open.tables.get(bound.model) as Table };
}

/** … a table of prices. */
export function opened(): ReturnType<typeof openOf> {
  return openOf(boundOf('tick', { id: 'number', price: 'number' }, ['id']));
}

/** Lets everything else that can go on go on, this many times. */
export async function ticks(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await null;
}
