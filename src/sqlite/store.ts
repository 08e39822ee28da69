import {
  isRefused,
  placed,
  Refusal,
  RowcastError,
  tellable,
  toWire,
  type Allowed,
  type Answer,
  type CallStep,
  type Clock,
  type Image,
  type Json,
  type Refused,
  type RowStep,
  type Store,
  type StoreWrite,
  type Table,
} from '../core/index.ts';
import { isBusy, type Connection } from './connection.ts';
import type { HookHandle } from './hook-tx.ts';
import type { Joined } from './join.ts';
import type { Journal } from './journal.ts';
import type { WriteLock } from './lock.ts';
import { Outcomes } from './outcomes.ts';
import type { Pulse } from './pulse.ts';
import { refusalOf } from './refusal.ts';
import { areSame, byColumn, NOT_FOUND, rowAt, wireKey, writeRow } from './statements.ts';
import { Turns, type Judged, type Outcome } from './turn.ts';

export interface StoreParts {
  readonly connection: Connection;
  readonly journal: Journal;
  readonly pulse: Pulse;
  readonly lock: WriteLock;
  readonly clock: Clock;
  joined(table: Table): Joined;
  readonly hooks: HookHandle;
}

/** How often rows that keep changing are judged before the client is told so. */
const JUDGEMENTS = 3;

/**
 * Writes on Rowcast's own connection, which holds no transaction while something is waited for. Those of one turn go together ({@link Turns}). What
 * waits for the app's word, and what the app does itself, is judged before its transaction: that one reads the rows again, and writes only if they are
 * still those that were judged.
 */
export class SqliteStore implements Store {
  readonly #parts: StoreParts;
  readonly #turns: Turns;
  readonly #outcomes: Outcomes;
  /** Those of before this process are read ahead, a step at a time. */
  #ahead: Promise<void> | null = null;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    const { connection, lock, clock, pulse } = parts;
    this.#outcomes = new Outcomes(connection);
    this.#turns = new Turns({
      connection,
      lock,
      clock,
      rows: (write) => this.#rows(write),
      begun: () => this.#outcomes.look(),
      isAnswered: ({ claim }) => this.#outcomes.of(claim) !== null,
      again: (write) => this.#told(write),
      conclude: (write, verdicts) =>
        this.#conclude(write, isRefused(verdicts) ? verdicts : this.#savepoint(write, verdicts, { steps: [], tx: null })),
      committed: () => pulse.beat(),
    });
  }

  async write(write: StoreWrite): Promise<Outcome> {
    try {
      await (this.#ahead ??= this.#readAhead().catch(() => undefined)); // what it could not read, the transaction does
      return await this.#write(write);
    } catch (error) {
      if (!isBusy(error)) throw error;
      return { answer: { ok: false, code: 'busy', message: 'the database is busy with another writer; try again' }, logged: false };
    }
  }

  async #readAhead(): Promise<void> {
    while (this.#outcomes.readAhead()) await new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
  }

  async #write(write: StoreWrite): Promise<Outcome> {
    for (let times = 0; times < JUDGEMENTS; times++) {
      let turned = await this.#turns.join(write, null);
      if (turned.is === 'waiting') {
        const { befores } = turned;
        turned = await this.#turns.join(write, { befores, verdicts: await turned.verdicts });
      }
      const outcome = turned.is === 'alone' ? await this.#alone(write, turned.judged) : turned.is === 'told' ? turned.outcome : null;
      if (outcome) return outcome;
    }
    return { answer: { ok: false, code: 'conflict', message: 'the row kept changing while this was looked at; try again' }, logged: false };
  }

  #rows({ steps }: StoreWrite): readonly (Image | null)[] {
    const { connection, joined } = this.#parts;
    return steps.map((step) => (step.kind === 'row' ? rowAt(connection, joined(step.table), step.key) : null));
  }

  /** A transaction of its own. Null: the rows are not those that were judged. */
  async #alone(write: StoreWrite, judged: Judged | null): Promise<Outcome | null> {
    const { hooks, lock, pulse } = this.#parts;
    const doing: Doing = { steps: [], tx: null };
    if (judged && !isRefused(judged.verdicts) && judged.verdicts.some(({ judgement }) => judgement.verdict === 'hook'))
      doing.tx = await hooks.handle();
    let outcome: Outcome | null;
    try {
      outcome = await lock.transaction(() => {
        this.#outcomes.look();
        const answered = this.#told(write);
        if (answered) return answered;
        if (!judged || !areSame(judged.befores, this.#rows(write))) return null;
        return this.#conclude(write, isRefused(judged.verdicts) ? judged.verdicts : this.#savepoint(write, judged.verdicts, doing));
      });
    } catch (error) {
      // A deferred reference is only refused by COMMIT, and RAISE(ROLLBACK) takes the claim along: the answer is stored on its own.
      const refused = this.#refusal(error, doing.steps, null);
      if (!refused) throw error;
      outcome = await lock.transaction(() => {
        this.#outcomes.look();
        return this.#told(write) ?? this.#conclude(write, refused);
      });
    }
    if (outcome?.logged) pulse.beat();
    return outcome;
  }

  #told(write: StoreWrite): Outcome | null {
    const stored = this.#outcomes.of(write.claim);
    return stored && this.#again(write, stored);
  }

  #again({ claim }: StoreWrite, stored: { readonly hash: string; readonly answer: Answer }): Outcome {
    if (stored.hash !== claim.hash) {
      return {
        answer: { ok: false, code: 'key_reused', message: 'this write id was used for another write already; take a new one' },
        logged: false,
      };
    }
    this.#parts.journal.receipt({ ...claim.receipt, answer: stored.answer });
    return { answer: stored.answer, logged: true };
  }

  #conclude({ claim }: StoreWrite, answer: Answer): Outcome {
    this.#outcomes.store(claim, answer);
    this.#parts.journal.receipt({ ...claim.receipt, answer });
    return { answer, logged: true };
  }

  /** Does all of it, or, where something is refused, nothing. */
  #savepoint(write: StoreWrite, allowed: readonly Allowed[], doing: Doing): Answer {
    const { connection } = this.#parts;
    connection.run('SAVEPOINT rowcast_write'); // prepared once, where `exec` is parsed each time
    try {
      const made: Json[] = [];
      for (const each of allowed) {
        doing.steps = [each];
        made.push(this.#do(each, made.length === 0, doing.tx));
      }
      connection.run('RELEASE rowcast_write');
      doing.steps = allowed;
      return write.answer(made);
    } catch (error) {
      if (!connection.inTransaction) throw error;
      // Looked at before the rows that it may refer to are gone again.
      const refused = this.#refusal(error, doing.steps, connection);
      if (!refused) throw error;
      connection.run('ROLLBACK TO rowcast_write');
      connection.run('RELEASE rowcast_write');
      return refused;
    }
  }

  /** @param steps of which it may be: one that was being done, or all of them at the COMMIT, which does not say whose it is */
  #refusal(error: unknown, steps: readonly Allowed[], connection: Connection | null): Refused | null {
    const [first, ...more] = steps;
    if (!first) return null;
    const { step, judgement } = first;
    if (error instanceof Refusal) return placed(step, error.answer);
    if (more.length > 0 || step.kind === 'call') return refusalOf(error, null, null);
    const joined = this.#parts.joined(step.table);
    const written = connection && judgement.verdict === 'write' ? { connection, values: byColumn(joined, judgement.values) } : null;
    const refused = refusalOf(error, joined, written);
    return refused && tellable(step, refused);
  }

  /** @param isFirst of its write: nothing of it has changed the row since it was read */
  #do({ step, before, judgement }: Allowed, isFirst: boolean, tx: unknown): Json {
    if (judgement.verdict === 'write') {
      if (step.kind === 'call') return null;
      return writeRow(this.#parts.connection, { joined: this.#parts.joined(step.table), step, before, values: judgement.values });
    }
    if (step.kind === 'row' && step.key) {
      if (!before || (!isFirst && !rowAt(this.#parts.connection, this.#parts.joined(step.table), step.key))) throw new Refusal(NOT_FOUND);
    }
    const made = this.#run(step, () => judgement.run(tx));
    return step.kind === 'row' && before ? wireKey(step.table, before) : made;
  }

  #run(step: RowStep | CallStep, run: () => unknown): Json {
    const made = this.#parts.hooks.during(run);
    if (!isThenable(made)) return toWire(made) ?? null;
    // A builder of Drizzle's runs when it is awaited, a promise may fail later: both find the handle dead, and have been spoken of here.
    Promise.resolve(made).catch(() => undefined);
    const [where, what] =
      step.kind === 'row' ? [`the ${step.action} hook of "${step.table.id}"`, 'hooks'] : [`the command "${step.name}"`, 'commands'];
    const cure = 'call .run(), .all() or .get(), and move what waits into after()';
    throw new RowcastError('hook_invalid', `${where} returned a promise; on SQLite ${what} are synchronous: ${cure}`);
  }
}

/** Whose an error would be. None: it is no refusal, whatever it says. */
interface Doing {
  steps: readonly Allowed[];
  /** What the app's own steps get. */
  tx: unknown;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
