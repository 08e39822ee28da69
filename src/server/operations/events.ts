import { channel, type Channel } from 'node:diagnostics_channel';
import type { AnswerCode, AskedFrame, CloseReason, ResetReason } from '../../protocol/index.ts';
import type { Entry, Position } from '../../core/index.ts';

/** `rowcast:commit`: a commit that concerns somebody has been passed on by this process. */
export interface CommitEvent {
  readonly position: Position;
  readonly xid: string | null;
  /** When it was committed: ms since 1970. */
  readonly time: number | undefined;
  /** Rows of it, by stream. */
  readonly rows: Readonly<Record<string, number>>;
  /** Writes of clients in it. */
  readonly receipts: number;
}

/** `rowcast:write`: a write, a batch or a call of a client has been answered. */
export interface WriteEvent {
  readonly kind: AskedFrame['type'];
  /** Of each write in it; of a call, its command. */
  readonly streams: readonly string[];
  readonly actions: readonly string[];
  /** `lost`: nobody knows what became of it, and the client is sent to ask again. */
  readonly code: AnswerCode | 'ok' | 'lost';
  readonly ms: number;
  readonly session: string;
}

/** `rowcast:session`: a connection was let in, or is gone. */
export interface SessionEvent {
  readonly what: 'open' | 'closed';
  readonly session: string;
  readonly endpoint: string;
  /** Its transport's code; 0 for one that opens. */
  readonly code: number;
}

/** `rowcast:end`: this side ends a connection. */
export interface EndEvent {
  readonly reason: CloseReason;
  readonly message: string;
}

/** `rowcast:reset`: the rows of one view of one connection have to be read again. */
export interface ResetEvent {
  readonly stream: string;
  readonly reason: ResetReason;
}

/** `rowcast:lead`: this process reads the log for all from here on. */
export interface LeadEvent {
  readonly term: number;
}

/** What happens, for whoever listens by `node:diagnostics_channel`. Never a row's values. Where nobody listens, nothing is made for it. */
export const events = {
  commit: channel('rowcast:commit') as Channel<unknown, CommitEvent>,
  write: channel('rowcast:write') as Channel<unknown, WriteEvent>,
  session: channel('rowcast:session') as Channel<unknown, SessionEvent>,
  end: channel('rowcast:end') as Channel<unknown, EndEvent>,
  reset: channel('rowcast:reset') as Channel<unknown, ResetEvent>,
  lead: channel('rowcast:lead') as Channel<unknown, LeadEvent>,
} as const;

export function commitEvent({ position, xid, time, deliveries, receipts }: Entry): CommitEvent {
  const rows: Record<string, number> = {};
  for (const { stream } of deliveries) rows[stream] = (rows[stream] ?? 0) + 1;
  return { position, xid, time, rows, receipts: receipts.length };
}

/** What was asked for, without any of its values. */
export function saidOf(frame: AskedFrame): Pick<WriteEvent, 'kind' | 'streams' | 'actions'> {
  const { type: kind } = frame;
  if (frame.type === 'call') return { kind, streams: [frame.stream], actions: ['call'] };
  const writes = frame.type === 'batch' ? frame.writes : [frame];
  return { kind, streams: writes.map(({ stream }) => stream), actions: writes.map(({ action }) => action) };
}
