// What both sides know of the columns.

export const COLUMNS = [
  { field: 'sku', title: 'No.', kind: 'fixed' },
  { field: 'name', title: 'Item', kind: 'text' },
  { field: 'shelf', title: 'Shelf', kind: 'text' },
  { field: 'stock', title: 'Stock', kind: 'number' },
  { field: 'price', title: 'Price', kind: 'number' },
  { field: 'note', title: 'Note', kind: 'text' },
] as const;

export type Field = (typeof COLUMNS)[number]['field'];

/** Where somebody is in the grid. */
export interface Cell {
  readonly id: number;
  readonly field: Field;
}

/** Somebody with the grid open. */
export interface Person {
  readonly seat: string;
  readonly name: string;
  readonly cell: Cell | null;
}
