import type { Change, Loss, Published, Receipt, ResetReason } from '../../core/index.ts';
import { publishedChanges, publishedText } from '../tables/publish.ts';
import { runInside } from '../connection/own-transaction.ts';
import { literal, type Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** What Rowcast leaves in the log goes as logical messages under these prefixes, in the transaction it belongs to. */
const RECEIPT = 'rowcast';
const ROWS = 'rowcast.rows';
const LOST = 'rowcast.lost';
/** What processes send each other, which belongs to no transaction. */
const SENT = 'rowcast.sent';

/** A prefix is anybody's to use. */
export function isOurs(prefix: string): boolean {
  return prefix.startsWith(RECEIPT);
}

export async function leaveReceipt(sql: Sql, receipt: Receipt): Promise<void> {
  await emit(sql, RECEIPT, JSON.stringify(receipt));
}

/** A receipt in a transaction of the app's own, which any role may leave. */
export async function leaveInside(tx: unknown, { client, write }: AppReceipt): Promise<void> {
  const content = JSON.stringify({ client, write });
  await runInside(tx, `SELECT pg_catalog.pg_logical_emit_message(true, ${literal(RECEIPT)}, ${literal(content)})`);
}

export async function leaveRows(sql: Sql, changes: readonly Published[]): Promise<void> {
  await emit(sql, ROWS, await publishedText(sql, changes));
}

/** A receipt in a transaction of its own, which waits for no standby: it is there to be read back, and nothing is lost with it. */
export async function leaveMark(sql: Sql, receipt: Receipt): Promise<void> {
  await emitAlone(sql, RECEIPT, JSON.stringify(receipt));
}

export interface Lost {
  /** Whom it concerns: what one reader missed, another one may have. */
  readonly slot: string;
  readonly tables: readonly { readonly table: PgTable; readonly reason: ResetReason }[];
}

/** Whoever reads by this slot hears of it, at this place: what was read of these tables before may not be what is in them. */
export async function leaveLoss(sql: Sql, { slot, tables }: Lost): Promise<void> {
  await emitAlone(sql, LOST, JSON.stringify({ slot, tables: tables.map(({ table, reason }) => [table.id, reason]) }));
}

/**
 * A text for every process that reads the log. Where the server can be asked to, it writes it out at once and counts no transaction for it; an
 * older one would let it lie for a fifth of a second, so there it is one that waits for no standby.
 */
export async function leaveSent(sql: Sql, content: string, version: number): Promise<void> {
  if (version < 170_000) await emitAlone(sql, SENT, content);
  else await sql.query('SELECT pg_logical_emit_message(false, $1, $2::text, true)', [SENT, content]);
}

export function isSent({ prefix }: Message): boolean {
  return prefix === SENT;
}

async function emit(sql: Sql, prefix: string, content: string): Promise<void> {
  await sql.query('SELECT pg_logical_emit_message(true, $1, $2::text)', [prefix, content]);
}

async function emitAlone(sql: Sql, prefix: string, content: string): Promise<void> {
  await sql.query(`SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, $1, $2::text)`, [prefix, content]);
}

type AppReceipt = Pick<Receipt, 'client' | 'write'>;

type Said = { readonly receipt: Receipt } | { readonly changes: readonly Change[] } | { readonly lost: readonly Loss[] };

export interface Reader {
  /** Whether what was said at this place of the log to who reads by this slot is said to this one. */
  hears(slot: string, at: bigint): boolean;
  readonly tables: readonly PgTable[];
}

/** A message of the log, and where it stands. */
export interface Message {
  readonly prefix: string;
  readonly content: string;
  readonly at: bigint;
}

/** @returns null for a message that is not ours: a prefix is anybody's to use, and what cannot be read was not written here. */
export function readMessage({ prefix, content, at }: Message, { hears, tables }: Reader): Said | null {
  try {
    switch (prefix) {
      case RECEIPT:
        return { receipt: receiptOf(content) };
      case ROWS:
        return { changes: publishedChanges(content, tables) };
      case LOST: {
        const said = JSON.parse(content) as { readonly slot: string; readonly tables: readonly (readonly [string, ResetReason])[] };
        if (!hears(said.slot, at)) return null;
        const reasons = new Map(said.tables);
        return {
          lost: tables.flatMap((table): Loss[] => {
            const reason = reasons.get(table.id);
            return reason ? [{ table, reason }] : [];
          }),
        };
      }
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function receiptOf(content: string): Receipt {
  const { client, write, answer, hash, revokes } = JSON.parse(content) as Partial<Receipt>;
  if (typeof client !== 'string' || !Number.isSafeInteger(write)) throw new TypeError('no receipt');
  return { client, write: write as number, ...(answer && { answer }), ...(hash !== undefined && { hash }), ...(revokes && { revokes }) };
}
