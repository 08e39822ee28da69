import { RowcastError, type GroupMessage, type Ledger } from '../core/index.ts';

/** How one sibling reaches the ledger: in its own process, where it keeps it, or over the socket. */
export interface Link {
  readonly ledger: Ledger;
  send(message: GroupMessage): Promise<void>;
  close(): Promise<void>;
}

/** What is told to whoever opened a link. */
export interface LinkEvents {
  heard(message: GroupMessage): void;
  /** Nothing goes over it any more. Once, and not after `close`. */
  lost(why: string): void;
}

/** Frames of another form are another number: processes of two forms do not share a ledger. */
export const FORM = 1;

export interface Hello {
  readonly form: number;
  readonly epoch: string;
}

export function lost(why: string): RowcastError {
  return new RowcastError('ledger_lost', `${why}: another one takes over; try again`);
}
