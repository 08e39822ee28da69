import type { Injected } from './verdict.ts';
import type { ViewHistory } from './view-history.ts';

/** From how many rows, or bytes, at once it need not be told row by row: in one commit, or since the client was there. */
const BULK = { rows: 1_000, bytes: 1024 * 1024 };

export interface ResetAbout {
  readonly reason: string;
  readonly view: ViewHistory;
  /** What the client had of the view; null: nothing. */
  readonly from: string | null;
  readonly to: string;
  /** It is the answer to one who came back. */
  readonly refused: boolean;
  /** It came with a token that was never given for this. */
  readonly forged: boolean;
}

/** Whether a reset has a cause: in the log itself, in what the client sent, or among the faults that were injected by then. */
export function explained({ reason, view, from, to, refused, forged }: ResetAbout, caused: readonly Injected[]): boolean {
  const passed = view.between(from ?? '', to);
  const after = (...what: readonly Injected['what'][]): boolean => caused.some((fault) => what.includes(fault.what));
  switch (reason) {
    case 'truncate':
      return view.truncations.some((position) => position > (from ?? '') && position <= to);
    case 'bulk':
      return (
        passed.some(({ rows, bytes }) => rows >= BULK.rows || bytes >= BULK.bytes) ||
        sum(passed.map(({ changes }) => changes.size)) >= BULK.rows ||
        sum(passed.map(({ bytes }) => bytes)) >= BULK.bytes
      );
    case 'token_invalid':
      return forged;
    case 'retention':
      return after('server killed', 'database crashed', 'database link', 'server stopped', 'slow link', 'client link', 'client left');
    case 'slot_lost':
    case 'slot_replaced':
      return after('slot dropped');
    case 'membership':
    case 'permission_changed':
      return (
        !view.heldThrough(from ?? '', to) || (refused && view.memberships.some((position) => position > (from ?? '') && position <= to))
      );
    default:
      // Nobody changes a column's type, a publication, a binding, nor restores a database here; and no function of a binding fails.
      return false;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
