import type { Database, Model, OpenDatabase, OpenOptions } from '../../src/core/index.ts';
import { LogReader, suiteClock, SuiteLog } from '../../src/testing/opened.ts';
import { boundOf } from '../../src/testing/tables.ts';
import { freshWorld, type DriverName, type SqliteWorld } from './fixture.ts';

export { model } from './models.ts';

/** A file with tables of the test's own, followed from now on. Ends with `await using`. */
export class Followed implements AsyncDisposable {
  readonly world: SqliteWorld;
  readonly models: readonly Model[];
  readonly log: SuiteLog = new SuiteLog();
  readonly #open: OpenDatabase[] = [];
  readonly #readers: LogReader[] = [];

  constructor(driver: DriverName, ddl: string, models: readonly Model[]) {
    this.world = freshWorld(driver);
    this.world.exec(ddl);
    this.models = models;
  }

  async open(options: { setup?: OpenOptions['setup']; database?: Database } = {}): Promise<OpenDatabase> {
    const database = options.database ?? this.world.database();
    const open = await database.open(this.models.map(boundOf), { setup: options.setup ?? 'auto', clock: suiteClock, log: this.log });
    this.#open.push(open);
    return open;
  }

  async read(open?: OpenDatabase, after?: string): Promise<LogReader> {
    const from = open ?? (await this.open());
    const reader = new LogReader(from, after ?? (await from.source.tail()));
    this.#readers.push(reader);
    return reader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) await reader.stop();
    for (const open of this.#open) await open.close();
    await this.world.close();
  }
}
