import type { CloseVerdict } from '../protocol/index.ts';
import type { Status } from './types.ts';

/** What can happen to a connection: the server's first frame, the end of a socket by its verdict, the end of a wait, and what the app asks. */
export type Happening = CloseVerdict | 'welcome' | 'timer' | 'reconnect' | 'signOut' | 'close';

type Row = Readonly<Partial<Record<Happening, Status>>>;

/** There is no socket: what one still says comes too late. */
const IDLE: Row = { reconnect: 'connecting', signOut: 'signed-out', close: 'closed' };

/** There is one, or one that waits for its token. */
const BUSY: Row = { ...IDLE, fatal: 'failed', credentials: 'signed-out', now: 'connecting', later: 'waiting' };

/** Where each happening leads; left out: nowhere. Coming to `connecting` always makes a new socket. */
export const MACHINE: Readonly<Record<Status, Row>> = {
  connecting: { ...BUSY, welcome: 'open' },
  open: BUSY,
  waiting: { ...IDLE, timer: 'connecting' },
  'signed-out': IDLE,
  failed: IDLE,
  closed: {},
};

/**
 * Milliseconds before the nth try, 0 being the first: anywhere between half a second and a ceiling that doubles from 1 s to 30 s. The
 * whole range is drawn from, so that a thousand clients cut off together do not come back together.
 */
export function fullJitter(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(30_000, 1_000 * 2 ** attempt);
  return 500 + random() * (ceiling - 500);
}
