import type { Answer, Claim } from '../core/index.ts';
import type { Connection } from './connection.ts';

/** Seconds an answer is kept for a client that asks again. */
const KEPT = 24 * 60 * 60;
/** Answers kept at most, however young. */
const MOST = 100_000;
/** Answers forgotten in one step. */
const STEP = 500;

export function storedOutcome(
  connection: Connection,
  { principal, receipt }: Claim,
): { readonly hash: string; readonly answer: Answer } | null {
  const [found] = connection.all(
    'SELECT hash, answer FROM _rowcast_write WHERE principal = ? AND client = ? AND write = ?',
    principal,
    receipt.client,
    BigInt(receipt.write),
  );
  return found ? { hash: found[0] as string, answer: JSON.parse(found[1] as string) as Answer } : null;
}

export function storeOutcome(connection: Connection, { principal, receipt, hash }: Claim, answer: Answer): void {
  connection.run(
    'INSERT INTO _rowcast_write(principal, client, write, hash, answer, at) VALUES (?, ?, ?, ?, ?, unixepoch())',
    principal,
    receipt.client,
    BigInt(receipt.write),
    hash,
    JSON.stringify(answer),
  );
}

/** @returns whether there may be more to forget. */
export function forgetOld(connection: Connection): boolean {
  const [[count] = [0n]] = connection.all('SELECT count(*) AS n FROM _rowcast_write');
  const beyond = Math.min(STEP, Math.max(0, Number(count) - MOST));
  const of = 'SELECT principal, client, write FROM _rowcast_write';
  const oldest = beyond > 0 ? `${of} ORDER BY at LIMIT ${beyond}` : `${of} WHERE at < unixepoch() - ${KEPT} ORDER BY at LIMIT ${STEP}`; // sql: numbers of our own
  return connection.run(`DELETE FROM _rowcast_write WHERE (principal, client, write) IN (${oldest})`) > 0;
}
