import { RowcastError, type Answer, type Image, type Judgement, type Store, type StoreWrite, type Table } from '../../src/core/index.ts';
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
    const table = this.#nameOf(write.table);
    const id = write.key === null ? null : Number(write.key[0]);
    if (id !== null) await transaction.lock({ table, id });
    const row = id === null ? null : transaction.find(table, id);
    const judgement = await write.judge(imageOf(table, row));
    await this.#process.takes('instant');
    const answer = this.#apply({ ...write, id }, judgement, transaction);
    // An outcome is a row of the same transaction: it is there for others when the commit is.
    if (transaction.open) transaction.keep(claim, { hash, answer });
    return { answer, logged: true };
  }

  #apply({ table, action, id }: StoreWrite & { readonly id: number | null }, judgement: Judgement, transaction: Transaction): Answer {
    if (judgement.verdict === 'refuse') return judgement.answer;
    if (judgement.verdict === 'hook') throw new Error('this app has no hooks');
    const name = this.#nameOf(table);
    const before = id === null ? null : transaction.find(name, id);
    const key = id ?? this.#database.nextId();
    if (action === 'delete') {
      transaction.put(name, key, null);
      return { ok: true, pk: key };
    }
    const image = [...(imageOf(name, before) ?? table.columns.map(() => null))] as (Image[number] | null)[];
    for (const [place, value] of judgement.values) image[place] = value as Image[number];
    transaction.put(name, key, { ...rowOf(name, image), id: key });
    return { ok: true, pk: key };
  }

  #nameOf(table: Table): TableName {
    for (const [name, each] of this.#tables) if (each === table) return name;
    throw new Error(`no table of this database: ${table.id}`);
  }
}
