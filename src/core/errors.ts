import type { Refused } from '../protocol/index.ts';

/** Every error Rowcast throws at the people who run it. Its message names the cure; its code is one of this table, safe to switch on. */
export const ERRORS = {
  binding_invalid: 'a binding is declared wrongly',
  endpoint_invalid: 'an endpoint is declared wrongly',
  schema_drift: 'the database does not have what the code says',
  setup_needed: 'the database is not set up; the message holds the statements',
  source_unsupported: 'this database, or its settings, cannot be followed',
  source_unreachable: 'the database cannot be connected to',
  source_lost: 'the log cannot be read any more from where it was left',
  driver_missing: 'an optional package is not installed',
  ledger_conflict: 'an entry does not follow the tail of the ledger',
  ledger_fenced: 'another relay has taken over: this one may append nothing any more',
  ledger_lost: 'the broker cannot be reached, or failed',
  ledger_gap: 'the ledger does not go back to this position, or has not come to it',
  publish_invalid: 'what was published is not a change of a bound row',
  message_refused: 'a message for a group is too large to be carried to other processes, or too many wait',
  write_refused: 'a write was refused; `answer` says why',
  outcome_unknown: 'the database went away while it committed; asking again with the same write id tells what became of it',
  hook_invalid: 'a hook returned what it must not, or ran too long',
  receipt_invalid: 'a receipt was left with something that is no transaction, or under no name that a client gave',
  command_invalid: 'a command is declared wrongly',
  closed: 'it has been closed',
} as const;

export type ErrorCode = keyof typeof ERRORS;

export class RowcastError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RowcastError';
    this.code = code;
  }
}

/** The app refuses a write from inside its transaction, by a hook or a command: that is undone, and the client is told this answer. */
export class Refusal extends RowcastError {
  readonly answer: Refused;
  constructor(answer: Refused) {
    super('write_refused', answer.message);
    this.answer = answer;
  }
}

/** A value that its column cannot hold: becomes the answer `invalid` with the field's name. Made of what it takes: `must be ${taken}`. */
export class ValueError extends Error {
  constructor(taken: string, options?: ErrorOptions) {
    super(`must be ${taken}`, options);
    this.name = 'ValueError';
  }
}

/** Ends an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
