import type { Database, Model, OpenDatabase, OpenOptions } from '../../src/core/index.ts';
import { LogReader, suiteClock, SuiteLog } from '../../src/testing/opened.ts';
import { plainModel, type PlainColumn } from '../../src/testing/plain-model.ts';
import { boundOf } from '../../src/testing/tables.ts';
import { freshWorld, type DriverName, type SqliteWorld } from './fixture.ts';

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

/** A model in short: `model('t', 'id integer, name text', 'id')`. */
export function model(table: string, columns: string, ...key: readonly string[]): Model {
  const parsed = columns.split(',').map((text): [string, PlainColumn] => {
    const [name = '', sqlType = ''] = text.trim().split(' ');
    return [name, { sqlType, shape: SHAPES[sqlType] ?? 'string' }];
  });
  return plainModel({ dialect: 'sqlite', table, key, columns: Object.fromEntries(parsed) }) as unknown as Model;
}

const SHAPES: Readonly<Record<string, PlainColumn['shape']>> = { integer: 'number', real: 'number', blob: 'bytes', text: 'string' };
