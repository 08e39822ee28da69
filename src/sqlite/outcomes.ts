import type { Answer, Claim, Receipt } from '../core/index.ts';
import type { Connection } from './connection.ts';

/** Seconds an answer is kept for a client that asks again. */
const KEPT = 24 * 60 * 60;
/** Answers kept at most, however young. */
const MOST = 100_000;
/** Answers forgotten in one step. */
const STEP = 500;
/** Names of answers read in one step, about a millisecond. */
const PAGE = 2_000;

/**
 * The answers to writes of clients. The file has them in the order that they were given and no other: an index by client would have each write
 * of another client change a page of its own, which cost more than all else that a write does. Which of them is whose, each process knows by
 * itself: it reads the names that were added since it looked, its own among them, as the first thing in each transaction.
 */
export class Outcomes {
  readonly #connection: Connection;
  readonly #names = new Names();
  /** Up to where names were read. Nothing of a transaction that may be undone: what it has written is read in the next one. */
  #seen = 0n;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** In a transaction that has written nothing: whatever anybody was told before it is known from here on. */
  look(): void {
    while (this.#page());
  }

  /** Reads ahead a step of what `look` would read. @returns whether there is more. */
  readAhead(): boolean {
    return this.#page();
  }

  /** What was told before. */
  of({ principal, receipt }: Claim): { readonly hash: string; readonly answer: Answer } | null {
    for (const n of this.#names.of(receipt)) {
      const [found] = this.#connection.all(
        'SELECT hash, answer FROM _rowcast_write WHERE n = ? AND principal = ? AND client = ? AND write = ?',
        BigInt(n),
        principal,
        receipt.client,
        BigInt(receipt.write),
      );
      if (found) return { hash: found[0] as string, answer: JSON.parse(found[1] as string) as Answer };
    }
    return null;
  }

  store({ principal, receipt, hash }: Claim, answer: Answer): void {
    this.#connection.run(
      'INSERT INTO _rowcast_write(principal, client, write, hash, answer, at) VALUES (?, ?, ?, ?, ?, unixepoch())',
      principal,
      receipt.client,
      BigInt(receipt.write),
      hash,
      JSON.stringify(answer),
    );
  }

  #page(): boolean {
    const names = this.#connection.all(
      `SELECT n, client, write FROM _rowcast_write WHERE n > max(?, (SELECT max(n) FROM _rowcast_write) - ${MOST}) ORDER BY n LIMIT ${PAGE}`,
      this.#seen,
    );
    for (const [n, client, write] of names as readonly (readonly [bigint, string, bigint])[]) {
      this.#names.add({ client, write: Number(write) }, Number(n));
      this.#seen = n;
    }
    return names.length === PAGE;
  }
}

/** Where the answer to a receipt may be: by a number made of it, since a hundred thousand names would be megabytes. The newest {@link MOST} at least. */
class Names {
  /** So that nobody can think of names that fall together. */
  readonly #seed = Math.trunc(Math.random() * 2 ** 32);
  #young: Places = new Map();
  #old: Places = new Map();

  add(receipt: Receipt, n: number): void {
    if (this.#young.size >= MOST) [this.#old, this.#young] = [this.#young, new Map()];
    const name = this.#name(receipt);
    const others = this.#young.get(name);
    this.#young.set(name, others === undefined ? n : [n].concat(others));
  }

  of(receipt: Receipt): readonly number[] {
    const name = this.#name(receipt);
    const [young, old] = [this.#young.get(name), this.#old.get(name)];
    return young === undefined && old === undefined ? NONE : [young ?? NONE, old ?? NONE].flat(2);
  }

  #name({ client, write }: Receipt): number {
    let name = Math.imul(this.#seed ^ write, PRIME) ^ Math.trunc(write / 2 ** 32);
    for (let at = 0; at < client.length; at++) name = Math.imul(name ^ client.charCodeAt(at), PRIME);
    return (name ^ (name >>> 15)) >>> 2; // as V8 keeps a number without a box
  }
}

/** Of answers, by name. */
type Places = Map<number, number | readonly number[]>;

const NONE: readonly number[] = [];
/** Of FNV-1a. */
const PRIME = 16_777_619;

/** @returns whether there may be more to forget. */
export function forgetOld(connection: Connection): boolean {
  const [[first = null, last = null] = []] = connection.all('SELECT min(n) AS first, max(n) AS last FROM _rowcast_write');
  if (first === null || last === null) return false;
  const beyond = Math.min(STEP, Number(last) - Number(first) + 1 - MOST);
  // Looked at in the order that they were given, which is that of their ages while clocks are right.
  const oldest = `SELECT n, at FROM _rowcast_write ORDER BY n LIMIT ${beyond > 0 ? beyond : STEP}`; // sql: numbers of our own
  const old = beyond > 0 ? '' : `WHERE at < unixepoch() - ${KEPT}`;
  // sql: numbers of our own
  return connection.run(`DELETE FROM _rowcast_write WHERE n IN (SELECT n FROM (${oldest}) ${old})`) > 0;
}
