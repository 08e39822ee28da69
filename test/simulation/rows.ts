import type { Image, Reading, ReadOptions, RowPage, Rows, Selection, Table } from '../../src/core/index.ts';
import { groupsIn, TABLES, type Row, type TableName, type Value } from './app.ts';
import type { SimDatabase } from './database.ts';
import type { Process } from './process.ts';
import { imageOf } from './source.ts';

/** Rows of the simulated database: one snapshot, its pages one after another, as small and as late as they may be. */
export class SimRows implements Rows {
  readonly #database: SimDatabase;
  readonly #process: Process;
  readonly #tables: ReadonlyMap<TableName, Table>;

  constructor(database: SimDatabase, process: Process, tables: ReadonlyMap<TableName, Table>) {
    this.#database = database;
    this.#process = process;
    this.#tables = tables;
  }

  async read(table: Table, selection: Selection, { page = 1_000, signal }: ReadOptions): Promise<Reading> {
    const [database, process] = [this.#database, this.#process];
    const name = this.#nameOf(table);
    const reader = database.begin();
    let failed: Error | null = null;
    const end = (): void => {
      for (const forget of forgets) forget();
      reader.rollback();
    };
    const forgets = [database.connected((error) => (failed = error)), process.whenKilled(() => end())];
    try {
      await process.takes('quick');
      await reader.share(name);
      if (failed) throw failed as Error;
      const moment = database.snapshot();
      await process.takes('instant');
      const { xmin, xmax, running, until } = moment;
      const images = [...moment.tables[name].values()]
        .filter((row) => selects(selection, name, row))
        .sort((one, other) => Number(one['id']) - Number(other['id']))
        .map((row) => imageOf(name, row) as Image);
      database.timeline.note(
        () => `${process.name}: reads ${images.length} of ${name} at ${until} xmin ${xmin} xmax ${xmax} running ${[...running].join()}`,
      );
      return {
        snapshot: { by: 'xid', until, xmin, xmax, running },
        pages: this.#pages(images, page, { signal, end, failed: () => failed }),
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  async *#pages(images: readonly Image[], most: number, reader: Reader): AsyncGenerator<RowPage> {
    const process = this.#process;
    const { random } = process.timeline;
    try {
      for (let at = 0; at === 0 || at < images.length;) {
        await process.takes('quick');
        const failed = reader.failed();
        if (failed) throw failed;
        if (reader.signal.aborted) return;
        const rows = images.slice(at, at + Math.min(most, random.between(1, 4)));
        const isLast = at + rows.length >= images.length;
        yield { rows, total: isLast || (at === 0 && random.chance(0.5)) ? images.length : null };
        at += Math.max(1, rows.length);
      }
    } finally {
      reader.end();
    }
  }

  #nameOf(table: Table): TableName {
    for (const [name, each] of this.#tables) if (each === table) return name;
    throw new Error(`no table of this database: ${table.id}`);
  }
}

interface Reader {
  readonly signal: AbortSignal;
  end(): void;
  failed(): Error | null;
}

function selects(selection: Selection, table: TableName, row: Row): boolean {
  switch (selection.by) {
    case 'all':
      return true;
    case 'values':
      return selection.tuples.some((tuple) =>
        selection.places.every((place, at) => String(row[TABLES[table][place] as string]) === String(tuple[at])),
      );
    case 'condition':
      return selection.any.some(({ params }) => groupsIn(row['audience'] as Value).includes(String(params[0])));
  }
}
