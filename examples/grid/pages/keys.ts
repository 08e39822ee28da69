import { COLUMNS, type Cell } from '../columns.ts';

const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-12, 0],
  PageDown: [12, 0],
  Home: [0, -COLUMNS.length],
  End: [0, COLUMNS.length],
};

/** Where a key leads from a cell, in the order that is shown; undefined: nowhere. */
export function moved(rows: readonly { readonly id: number }[], { id, field }: Cell, key: string): Cell | undefined {
  const [down, right] = STEPS[key] ?? [];
  if (down === undefined || right === undefined) return undefined;
  const clamp = (at: number, length: number): number => Math.max(0, Math.min(length - 1, at));
  const row = rows[clamp(rows.findIndex((each) => each.id === id) + down, rows.length)];
  const column = COLUMNS[clamp(COLUMNS.findIndex((each) => each.field === field) + right, COLUMNS.length)];
  return row && column && { id: row.id, field: column.field };
}
