import {
  isRefused,
  judgeAll,
  RowcastError,
  type Allowed,
  type Answer,
  type Image,
  type RowStep,
  type Store,
  type StoreWrite,
  type Table,
} from '../../src/core/index.ts';
import type { TableName } from './app.ts';
import type { SimDatabase } from './database.ts';
import type { Process } from './process.ts';
import { imageOf, rowOf } from './source.ts';
import type { Transaction } from './transaction.ts';

type Outcome = Awaited<ReturnType<Store['write']>>;

/** Writes to the simulated database, each judged under its lock; the connection may go at any moment, and the answer with it. */
export class SimStore implements Store {
  readonly #database: SimDatabase;
  readonly #process: Process;
  readonly #tables: ReadonlyMap<TableName, Table>;

  constructor(database: SimDatabase, process: Process, tables: ReadonlyMap<TableName, Table>) {
    this.#database = database;
    this.#process = process;
    this.#tables = tables;
  }

  async write(write: StoreWrite): Promise<Outcome> {
    const [database, process] = [this.#database, this.#process];
    const transaction = database.begin();
    let failed: Error | null = null;
    const forgets = [database.connected((error) => (failed = error)), process.whenKilled(() => transaction.rollback())];
    try {
      await process.takes('quick');
      const outcome = await this.#run(write, transaction);
      if (failed) throw failed as Error;
      const committed = outcome.logged && transaction.commit([{ ...write.claim.receipt, answer: outcome.answer }]) !== null;
      if (!committed) {
        transaction.rollback();
        return outcome;
      }
      database.timeline.note(() => `${process.name}: committed write ${write.claim.receipt.write} as ${JSON.stringify(outcome.answer)}`);
      await transaction.ended;
      await process.takes('quick');
      if (failed) throw new RowcastError('outcome_unknown', 'the connection went while the write was committed');
      return outcome;
    } finally {
      for (const forget of forgets) forget();
      transaction.rollback();
    }
  }

  async #run(write: StoreWrite, transaction: Transaction): Promise<Outcome> {
    const { principal, receipt, hash } = write.claim;
    const claim = JSON.stringify([principal, receipt.client, receipt.write]);
    await transaction.lock(`claim ${claim}`);
    const stored = this.#database.outcomes.get(claim);
    if (stored) {
      if (stored.hash === hash) return { answer: stored.answer, logged: true };
      return { answer: { ok: false, code: 'key_reused', message: 'another write has this id' }, logged: false };
    }
    const answer = await this.#decide(write, transaction);
    // An outcome is a row of the same transaction: it is there for others when the commit is.
    if (transaction.open) transaction.keep(claim, { hash, answer });
    return { answer, logged: true };
  }

  async #decide({ steps, answer }: StoreWrite, transaction: Transaction): Promise<Answer> {
    // In one order, whoever asks: two that wait for each other would wait for ever.
    const places = steps.flatMap((step) => (step.kind === 'row' && step.key ? [this.#placeOf(step)] : []));
    for (const place of places.sort((one, other) => one.table.localeCompare(other.table) || one.id - other.id))
      await transaction.lock(place);
    const befores = steps.map((step) => {
      if (step.kind === 'call' || !step.key) return null;
      const { table, id } = this.#placeOf(step);
      return imageOf(table, transaction.find(table, id));
    });
    const allowed = await judgeAll(steps, befores);
    await this.#process.takes('instant');
    return isRefused(allowed) ? allowed : answer(allowed.map((each) => this.#apply(each, transaction)));
  }

  #placeOf({ table, key }: RowStep): { readonly table: TableName; readonly id: number } {
    return { table: this.#nameOf(table), id: Number(key?.[0]) };
  }

  #apply({ step, judgement }: Allowed, transaction: Transaction): number {
    if (step.kind === 'call' || judgement.verdict === 'hook') throw new Error('this app has neither commands nor hooks');
    const { table, action } = step;
    const name = this.#nameOf(table);
    const id = step.key ? Number(step.key[0]) : this.#database.nextId();
    if (action === 'delete') {
      transaction.put(name, id, null);
      return id;
    }
    const image = [...(imageOf(name, step.key ? transaction.find(name, id) : null) ?? table.columns.map(() => null))];
    for (const [place, value] of judgement.values) image[place] = value as Image[number];
    transaction.put(name, id, { ...rowOf(name, image), id });
    return id;
  }

  #nameOf(table: Table): TableName {
    for (const [name, each] of this.#tables) if (each === table) return name;
    throw new Error(`no table of this database: ${table.id}`);
  }
}
