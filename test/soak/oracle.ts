import type pg from 'pg';
import { History, keyOf, type SlotLine } from './history.ts';
import { KEYS } from './tables.ts';
import type { Texts } from './decoding.ts';
import { hangUp, isMistake, newClient } from './writers.ts';

const SLOT = 'oracle';
/** Changes taken at a time, about: the slot gives whole transactions. */
const TAKEN = 4_000;

/** The database's own account of what was committed: a second slot, read by another plugin, on a connection that no fault is put on. */
export class Oracle {
  readonly history = new History();
  readonly #url: string;
  #client: pg.Client | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  /** From here on everything is told. */
  async start(): Promise<void> {
    await this.#ask(`SELECT pg_create_logical_replication_slot('${SLOT}', 'test_decoding')`);
  }

  /** Takes in what has been committed since, or some of it. Gives how much it was; null: the database is away. */
  async read(): Promise<number | null> {
    let lines: readonly SlotLine[];
    try {
      lines = await this.#ask<SlotLine>(
        `SELECT lsn::text, xid::text, data FROM pg_logical_slot_peek_changes('${SLOT}', NULL, ${TAKEN}, 'include-timestamp', 'off')`,
      );
    } catch (error) {
      if (isMistake(error)) throw error;
      this.#leave();
      return null;
    }
    for (const line of lines) this.history.take(line);
    await this.#forget(lines.at(-1)?.lsn);
    return lines.length;
  }

  /** All that had been committed when it was called. */
  async readAll(): Promise<void> {
    while ((await this.read()) !== 0);
  }

  /** When nobody writes: where the tables are not what the account says. It is what judges the judge. */
  async differences(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const table of Object.keys(KEYS)) {
      const rows = await this.#ask<{ row: Texts }>(
        `SELECT (SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(to_jsonb(each))) AS row FROM ${table} AS each`,
      );
      const told = this.history.rows(table);
      if (rows.length !== told.size) found.push(`${table} has ${rows.length} rows, and ${told.size} were told of`);
      for (const { row } of rows) {
        const has = told.get(keyOf(table, row));
        // A column that was added is in the rows that were told of since. A moment is written in another way here.
        const known = Object.keys(has ?? {}).filter((column) => column !== 'due');
        const other = known.filter((column) => (row[column] ?? null) !== has?.[column]);
        if (!has || other.length > 0) found.push(`${table} ${keyOf(table, row)}: ${has ? other.join(', ') : 'nothing was told of it'}`);
      }
    }
    return found;
  }

  close(): void {
    this.#leave();
  }

  /** Not before it is here: what a slot gives and lets go of at one stroke is lost when the answer is. */
  async #forget(lsn: string | undefined): Promise<void> {
    if (lsn === undefined) return;
    await this.#ask(`SELECT pg_replication_slot_advance('${SLOT}', '${lsn}')`).catch(() => this.#leave());
  }

  #leave(): void {
    const client = this.#client;
    this.#client = null;
    this.history.forgetOpen();
    if (client) hangUp(client);
  }

  async #ask<R extends object>(sql: string): Promise<readonly R[]> {
    if (!this.#client) {
      const client = newClient(this.#url, '-c timezone=UTC -c datestyle=ISO -c extra_float_digits=3');
      await client.connect();
      this.#client = client;
    }
    return (await this.#client.query<R>(sql)).rows;
  }
}
