import type { Change, Loss, Receipt } from '../core/index.ts';
import { readCatalog, type Catalog, type Shape } from './catalog.ts';
import { JOURNAL, OP } from './journal-setup.ts';
import { publishedChanges } from './publish.ts';
import { parseRecordText } from './record-text.ts';
import type { RawRow, Sql } from './sql.ts';
import { imageReader, type ImageReader, type PgTable } from './tables.ts';

/** One row of the journal. */
export interface JournalRow {
  readonly seq: bigint;
  readonly rel: number;
  readonly op: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What one transaction's rows said. */
export interface Told {
  readonly changes: Change[];
  readonly receipts: Receipt[];
  readonly lost: Map<PgTable, Loss['reason']>;
}

/** How the rows of one stored table become images, for each bound table they belong to. */
interface Reading {
  readonly table: PgTable;
  readonly reader: ImageReader;
}

/**
 * Turns journal rows into changes, in their order: one for each reading of the journal. A row is printed by the shape its table had then,
 * and says not which. The journal notes each change of a shape, and the new shape with it; until the first note that is met, rows have the
 * catalog's shape, unless a note is known to come: then they are from before what can be known, and are said to be lost.
 */
export class JournalReader {
  readonly #sql: Sql;
  readonly #tables: readonly PgTable[];
  #readings = new Map<number, readonly Reading[]>();
  /** The note that the shape in hand is of: rows before it are of another one. */
  #noted = new Map<number, bigint>();
  /** Tables that nobody binds any more, and whose triggers are still there. */
  readonly #strangers: Set<number> = new Set();

  private constructor(sql: Sql, tables: readonly PgTable[]) {
    this.#sql = sql;
    this.#tables = tables;
  }

  static async open(sql: Sql, tables: readonly PgTable[]): Promise<JournalReader> {
    const reader = new JournalReader(sql, tables);
    await reader.#learn();
    return reader;
  }

  /** The catalog's shapes, and the last notes of that moment. */
  async #learn(): Promise<void> {
    const { catalog, notes } = await shapesNow(this.#sql, this.#tables);
    const readings = new Map<number, Reading[]>();
    const noted = new Map(notes.map(([rel, seq]) => [Number(rel), BigInt(seq ?? 0)]));
    for (const [at, table] of this.#tables.entries()) {
      const relation = catalog.relations[at];
      if (!relation) continue;
      const shapes: readonly Shape[] = [relation, ...relation.partitions];
      for (const shape of shapes) {
        const reading = { table, reader: imageReader(table, shape) };
        readings.set(shape.oid, [...(readings.get(shape.oid) ?? []), reading]);
        // A partitioned table is altered with its partitions, and only itself is noted.
        noted.set(shape.oid, later(noted.get(shape.oid), noted.get(relation.oid)));
      }
    }
    this.#readings = readings;
    this.#noted = noted;
    this.#strangers.clear();
  }

  async read(row: JournalRow, told: Told): Promise<void> {
    switch (row.op) {
      case OP.receipt:
        told.receipts.push(JSON.parse(row.after ?? '') as Receipt);
        return;
      case OP.publish:
        told.changes.push(...publishedChanges(row.after ?? '', this.#tables));
        return;
      case OP.gap:
        for (const table of this.#tables) if (table.relation.oid === row.rel) told.lost.set(table, 'source');
        return;
      case OP.schema:
        return this.#shapeChanged(row, told);
      default:
        for (const reading of await this.#readingsOf(row.rel)) this.#readRow(row, reading, told);
    }
  }

  async #readingsOf(rel: number): Promise<readonly Reading[]> {
    const known = this.#readings.get(rel);
    if (known || this.#strangers.has(rel)) return known ?? [];
    await this.#learn(); // a new partition, or a table made anew
    const found = this.#readings.get(rel);
    if (!found) this.#strangers.add(rel);
    return found ?? [];
  }

  #readRow({ seq, rel, op, before, after }: JournalRow, { table, reader }: Reading, told: Told): void {
    if (op === OP.truncate) {
      told.lost.set(table, 'truncate');
      return;
    }
    const rows = [before, after].map((text) => (text === null ? null : parseRecordText(text)));
    const readable = seq > (this.#noted.get(rel) ?? 0n) && reader.drifted.length === 0;
    if (!readable || rows.some((values) => values !== null && values.length !== reader.width)) {
      told.lost.set(table, 'schema');
      return;
    }
    const [old, now] = rows.map((values: RawRow | null | undefined) => (values ? reader.image(values) : null));
    told.changes.push({ table, before: old ?? null, after: now ?? null });
  }

  async #shapeChanged({ seq, rel, after }: JournalRow, told: Told): Promise<void> {
    const old = this.#readings.get(rel);
    if (!old) return;
    const attributes = JSON.parse(after ?? '[]') as Shape['attributes'];
    if (attributes.length > 0) {
      const now = old.map(({ table }) => ({ table, reader: imageReader(table, { attributes }) }));
      this.#readings.set(rel, now);
      this.#noted.set(rel, seq);
    }
    // A table that is gone, or one whose partitions changed with it: the note does not say how.
    if (attributes.length === 0 || old.some(({ table }) => table.relation.kind === 'p')) {
      if (seq > (this.#noted.get(rel) ?? 0n) || attributes.length > 0) await this.#learn();
    }
    for (const { table } of old) {
      const now = this.#readings.get(rel)?.find((reading) => reading.table === table);
      if (!now || now.reader.drifted.length > 0) told.lost.set(table, 'schema');
    }
  }
}

/** Two looks and no transaction, which an app that said BEGIN on the same connection would lose: the notes tell whether they agree. */
async function shapesNow(sql: Sql, tables: readonly PgTable[]): Promise<{ readonly catalog: Catalog; readonly notes: readonly RawRow[] }> {
  const look = (): Promise<readonly RawRow[]> =>
    sql.query(`SELECT rel, max(seq) FROM ${JOURNAL} WHERE op = $1 GROUP BY rel ORDER BY rel`, [OP.schema]);
  for (let notes = await look(); ;) {
    const catalog = await readCatalog(
      sql,
      tables.map(({ model }) => model),
    );
    const again = await look();
    if (JSON.stringify(again) === JSON.stringify(notes)) return { catalog, notes };
    notes = again;
  }
}

function later(one: bigint | undefined, other: bigint | undefined): bigint {
  return (one ?? 0n) > (other ?? 0n) ? (one ?? 0n) : (other ?? 0n);
}
