import type { Committed } from './history.ts';
import type { Injected } from './verdict.ts';
import type { ViewHistory } from './view-history.ts';

/** From how many rows, or bytes, at once it need not be told row by row: in one commit, or since the client was there. */
const BULK = { rows: 1_000, bytes: 1024 * 1024 };

/** Less than this must be remembered: of what the app is set to (`app.ts`), that part which is sure to be of bound tables. */
const WINDOW = { commits: 1_200, bytes: 32 * 1024 * 1024 };
const RESTARTS: readonly Injected['what'][] = ['server killed', 'slot lost', 'broker lost'];
/** What a client had so long before a restart may be from before the place at which the log is read again. */
const CONFIRMED_LATE_MS = 20_000;

export interface ResetAbout {
  readonly reason: string;
  readonly view: ViewHistory;
  /** What the client had of the view; null: nothing. */
  readonly from: string | null;
  readonly to: string;
  /** When it was there, in milliseconds. */
  readonly since: number;
  /** All commits in between, whatever view they are of. */
  readonly missed: readonly Committed[];
  /** It is the answer to one who came back. */
  readonly refused: boolean;
  /** It came with a token that was never given for this. */
  readonly forged: boolean;
}

/** Whether a reset has a cause: in the log itself, in what the client sent, or among the faults that were injected by then. */
export function explained({ reason, view, from, to, since, missed, refused, forged }: ResetAbout, caused: readonly Injected[]): boolean {
  // A token of another view, or half of one, is refused for what does not fit.
  if (forged && ['token_invalid', 'permission_changed', 'membership'].includes(reason)) return true;
  const passed = view.between(from ?? '', to);
  switch (reason) {
    case 'truncate':
      return view.truncations.some((position) => position > (from ?? '') && position <= to);
    case 'bulk':
      return (
        passed.some(({ rows, bytes }) => rows >= BULK.rows || bytes >= BULK.bytes) ||
        sum(passed.map(({ changes }) => changes.size)) >= BULK.rows ||
        sum(passed.map(({ bytes }) => bytes)) >= BULK.bytes
      );
    case 'retention':
      return (
        missed.length >= WINDOW.commits ||
        sum(missed.map(({ bytes }) => bytes)) >= WINDOW.bytes ||
        caused.some((fault) => RESTARTS.includes(fault.what) && fault.from - since >= CONFIRMED_LATE_MS)
      );
    case 'slot_lost':
    case 'slot_replaced':
      return caused.some(({ what }) => what === 'slot lost');
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

const AWAY: readonly Injected['what'][] = ['database crashed', 'database link', 'server stopped', 'broker lost', 'broker link'];
const SLOW: readonly Injected['what'][] = ['slow link', 'client link', 'server stopped', 'clients starved'];

/** Whether a connection that ended so has a cause. Everything was done to them but what a server would end them for by itself. */
export function closeExplained(code: number, caused: readonly Injected[]): boolean {
  switch (code) {
    case 1000: // by the client
    case 1005:
      return true;
    case 1006: // without a word
      return caused.length > 0;
    case 4301: // slow
      return caused.some(({ what }) => SLOW.includes(what));
    case 4303: // what became of a write could not be found out
      return caused.some(({ what }) => AWAY.includes(what));
    default:
      return false;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
