import {
  groupValue,
  rowValue,
  type Image,
  type Position,
  type ReadOptions,
  type Reading,
  type RowPage,
  type Rows,
  type Selection,
  type Table,
} from '../core/index.ts';
import type { Held } from './held.ts';

const PAGE = 1_000;

/** Rows that are held in memory. Images do not change, so a moment is a list of them. There is no SQL: a condition is met by all rows. */
export class MemoryRows implements Rows {
  readonly #held: Held;
  readonly #tail: () => Position;

  constructor(held: Held, tail: () => Position) {
    this.#held = held;
    this.#tail = tail;
  }

  async read(table: Table, selection: Selection, { page = PAGE, signal }: ReadOptions): Promise<Reading> {
    signal.throwIfAborted();
    const rows = [...this.#held.of(table).values()].filter(selects(table, selection));
    rows.sort((one, other) => compareKeys(table, one, other));
    return { snapshot: { by: 'position', until: this.#tail() }, pages: paged(rows, page, signal) };
  }
}

async function* paged(rows: readonly Image[], size: number, signal: AbortSignal): AsyncGenerator<RowPage> {
  for (let at = 0; at < rows.length; at += size) {
    signal.throwIfAborted();
    const isEdge = at === 0 || at + size >= rows.length;
    yield { rows: rows.slice(at, at + size), total: isEdge ? rows.length : null };
  }
}

function selects(table: Table, selection: Selection): (image: Image) => boolean {
  if (selection.by !== 'values') return () => true;
  const { places, tuples } = selection;
  const wanted = new Set(tuples.map(tupleText));
  wanted.delete(null); // nothing equals NULL
  return (image) => wanted.has(tupleText(places.map((place) => rowValue(table, image, place))));
}

/** Equal for tuples that are the same to the app; null when one of the values is. */
function tupleText(values: readonly unknown[]): string | null {
  const texts = values.map(groupValue);
  return texts.includes(null) ? null : JSON.stringify(texts);
}

function compareKeys(table: Table, one: Image, other: Image): number {
  for (const place of table.key) {
    const order = compare(one[place], other[place]);
    if (order !== 0) return order;
  }
  return 0;
}

function compare(one: unknown, other: unknown): number {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other);
  const [left, right] = [ordered(one), ordered(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function ordered(value: unknown): string | number | bigint {
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'object' ? JSON.stringify(value) : (value as string | number | bigint);
}
