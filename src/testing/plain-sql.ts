import type { Model } from '../core/index.ts';
import type { WorldChange } from './fixture.ts';

/** A change as a statement. Values are numbers, texts and NULL: those of the suite. */
export function sqlOf({ model, before, after }: WorldChange): string {
  const { name } = model.table;
  const values = after ? model.columns.map((column) => ({ column: column.column, value: literal(after[column.name]) })) : [];
  const assignments = values.map(({ column, value }) => `${column} = ${value}`).join(', ');
  if (!before)
    return `INSERT INTO ${name} (${values.map(({ column }) => column).join(', ')}) VALUES (${values.map(({ value }) => value).join(', ')})`; // sql: names and values of the suite
  const where = model.key.map((key) => `${columnOf(model, key)} = ${literal(before[key])}`).join(' AND ');
  return after ? `UPDATE ${name} SET ${assignments} WHERE ${where}` : `DELETE FROM ${name} WHERE ${where}`; // sql: names and values of the suite
}

function columnOf(model: Model, property: string): string {
  return model.columns.find(({ name }) => name === property)?.column ?? property;
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
}
