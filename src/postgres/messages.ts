import type { Change, Published, Receipt } from '../core/index.ts';
import { publishedChanges, publishedText } from './publish.ts';
import type { Sql } from './sql.ts';
import type { PgTable } from './tables.ts';

/** What Rowcast leaves in the log goes as logical messages under these prefixes, in the transaction it belongs to. */
const RECEIPT = 'rowcast';
const ROWS = 'rowcast.rows';
const LOST = 'rowcast.lost';

export async function leaveReceipt(sql: Sql, { client, write, answer }: Receipt): Promise<void> {
  await emit(sql, RECEIPT, JSON.stringify({ client, write, answer }));
}

export async function leaveRows(sql: Sql, changes: readonly Published[]): Promise<void> {
  await emit(sql, ROWS, await publishedText(sql, changes));
}

/** Every process that reads this log hears of it, at this place: what was read of these tables before may not be what is in them. */
export async function leaveLoss(sql: Sql, tables: readonly PgTable[]): Promise<void> {
  await emit(sql, LOST, JSON.stringify(tables.map(({ id }) => id)));
}

async function emit(sql: Sql, prefix: string, content: string): Promise<void> {
  await sql.query('SELECT pg_logical_emit_message(true, $1, $2::text)', [prefix, content]);
}

type Said = { readonly receipt: Receipt } | { readonly changes: readonly Change[] } | { readonly lost: readonly PgTable[] };

/** @returns null for a message that is not ours: a prefix is anybody's to use, and what cannot be read was not written here. */
export function readMessage(prefix: string, content: string, tables: readonly PgTable[]): Said | null {
  try {
    switch (prefix) {
      case RECEIPT:
        return { receipt: receiptOf(content) };
      case ROWS:
        return { changes: publishedChanges(content, tables) };
      case LOST: {
        const ids = new Set(JSON.parse(content) as string[]);
        return { lost: tables.filter(({ id }) => ids.has(id)) };
      }
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function receiptOf(content: string): Receipt {
  const { client, write, answer } = JSON.parse(content) as Partial<Receipt>;
  if (typeof client !== 'string' || !Number.isSafeInteger(write)) throw new TypeError('no receipt');
  return { client, write: write as number, ...(answer && { answer }) };
}
