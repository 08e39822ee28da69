import {
  isRefused,
  judgeAll,
  pause,
  RowcastError,
  type Allowed,
  type Answer,
  type Clock,
  type Image,
  type Json,
  type Receipt,
  type Refused,
  type Store,
  type StoreWrite,
} from '../../core/index.ts';
import { WRITES } from '../setup/bookkeeping.ts';
import {
  CommitUnknown,
  isConnectionLost,
  LOCK_TIMEOUT,
  sqlState,
  TOO_MANY_CONNECTIONS,
  type Sessions,
  type Sql,
  type Transaction,
} from '../connection/sql.ts';
import { apply, areSame, rowsOf } from './statements.ts';
import { refusalOf, type Attempt } from './violations.ts';

export interface StoreParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Leaves a receipt in the log, inside the transaction. */
  leave(sql: Sql, receipt: Receipt): Promise<unknown>;
  /**
   * `locked`: rows are locked while they are judged. `compared`: they are judged outside and compared under the lock, for a database with a
   * single connection, where a permission check that asks the database would otherwise wait for itself.
   */
  readonly judging: 'locked' | 'compared';
}

type Outcome = Awaited<ReturnType<Store['write']>>;

/** A row changed between being judged and being locked. */
class Changed extends Error {}

/** Another process, or a former connection of this one, is at the same write: whether it will be done is not known yet. */
class TwinRuns extends Error {
  readonly code = '55P03';
  constructor(cause: unknown) {
    super('the same write is being done', { cause });
  }
}

interface Trying {
  /** Nobody is known to be at the same write. */
  readonly isFirst: boolean;
  /** A twin is known to run: it is waited for longer than for another row. */
  readonly patient: boolean;
  /** The claim is ours: no other try, and no twin, has done the write. */
  claimed(): void;
  /** Whose an error is from now on. None: it is no refusal, whatever it says. */
  blame(attempts: readonly Attempt[]): void;
}

/** Steps that were judged before the transaction, on these rows. */
interface Ahead {
  readonly befores: readonly (Image | null)[];
  readonly judged: readonly Allowed[] | Refused;
}

interface Failed {
  readonly write: StoreWrite;
  readonly blamed: readonly Attempt[];
  readonly tries: number;
}

const TRIES = 4;
/** How long it is asked what became of a write: 60 s. */
const UNKNOWN_MS = 60_000;
const MOST_PAUSE_MS = 2_000;
/** A twin is waited for longer than a permission check and a hook may take. */
const PATIENCE = '15s';

/** Serialization failure, deadlock, lock not available, statement timeout, no connection: another try may do. */
const TRANSIENT = new Set(['40001', '40P01', '55P03', '57014', TOO_MANY_CONNECTIONS]);

/** Kept for a day: longer than any client asks again. */
const KEPT = '1 day';
const SWEEP_MS = 600_000;

function isTransient(error: unknown): boolean {
  return error instanceof Changed || TRANSIENT.has(sqlState(error) ?? '') || isConnectionLost(error);
}

/** What was asked for behind what failed. */
const isAborted = (error: unknown): boolean => sqlState(error) === '25P02';

/** What it came to. @throws what it failed of: where that is that the other of the two had failed, what that one did. */
function valueOf<T>(one: PromiseSettledResult<T>, other: PromiseSettledResult<unknown>): T {
  if (one.status === 'fulfilled') return one.value;
  throw isAborted(one.reason) && other.status === 'rejected' ? other.reason : one.reason;
}

/** For the rest of the transaction, or until it is set again. */
async function setLockTimeout(tx: Sql, timeout: string): Promise<void> {
  await tx.query(`SELECT set_config('lock_timeout', $1, true)`, [timeout]);
}

/** Core's store over Postgres: its contract is in `core/ports/store.ts`. */
export class PgStore implements Store {
  readonly #parts: StoreParts;
  #swept: number;
  readonly #running = new Map<string, Promise<Outcome>>();

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#swept = -SWEEP_MS;
  }

  async write(write: StoreWrite): Promise<Outcome> {
    this.#sweep();
    const { principal, receipt } = write.claim;
    const name = JSON.stringify([principal, receipt.client, receipt.write]);
    // A twin of this process is waited for here, without a connection: its permission check may take longer than a lock is waited for.
    for (let twin = this.#running.get(name); twin; twin = this.#running.get(name)) await twin.catch(() => undefined);
    const running = this.#tries(write);
    this.#running.set(name, running);
    try {
      return await running;
    } finally {
      this.#running.delete(name);
    }
  }

  async #tries(write: StoreWrite): Promise<Outcome> {
    const { clock } = this.#parts;
    const start = clock.now();
    let unknown: unknown = null;
    let twin = false;
    for (let tries = 1; ; tries++) {
      let blamed: readonly Attempt[] = [];
      try {
        return await this.#attempt(write, {
          isFirst: tries === 1,
          patient: twin,
          claimed: () => ([unknown, twin] = [null, false]),
          blame: (attempts) => (blamed = attempts),
        });
      } catch (error) {
        if (error instanceof CommitUnknown) unknown = error;
        if (error instanceof TwinRuns) twin = true;
        const wait = error instanceof Changed ? 0 : Math.min(2 ** tries * 10, MOST_PAUSE_MS);
        if (unknown === null && !twin) {
          const answer = await this.#ended(error, { write, blamed, tries });
          if (answer) return answer;
        } else if (clock.now() - start > UNKNOWN_MS || !isTransient(error)) {
          // Only the claim could tell whether it was done, and it cannot be asked.
          throw new RowcastError('outcome_unknown', 'the database could not be asked whether a write was done; ask again later', {
            cause: error,
          });
        }
        await pause(clock, wait);
      }
    }
  }

  /** What a failed try comes to; null when another one may do. @throws what the database failed with: then nothing was written. */
  async #ended(error: unknown, { write, blamed, tries }: Failed): Promise<Outcome | null> {
    if (!isTransient(error)) {
      const refused = await refusalOf(error, blamed, this.#parts.sessions);
      if (!refused) throw error;
      return this.#refuse(write, refused);
    }
    if (sqlState(error) === TOO_MANY_CONNECTIONS) return { answer: BUSY, logged: false };
    if (tries < TRIES) return null;
    if (error instanceof Changed) return { answer: CONFLICT, logged: false };
    if (isConnectionLost(error)) throw error;
    return { answer: BUSY, logged: false };
  }

  #refuse(write: StoreWrite, refused: Refused): Promise<Outcome> {
    return this.#parts.sessions.transaction(async (tx) => (await this.#claim(tx, write, false)) ?? this.#tell(tx, write, refused));
  }

  async #attempt(write: StoreWrite, { isFirst, patient, claimed, blame }: Trying): Promise<Outcome> {
    const { sessions, judging } = this.#parts;
    const isAhead = judging === 'compared' || write.steps[0]?.kind === 'call';
    const ahead = isAhead ? await this.#lookAhead(write, blame) : null;
    return sessions.transaction(async (tx) => {
      const claiming = this.#claim(tx, write, patient);
      const read = (): Promise<readonly (Image | null)[]> =>
        rowsOf(tx, write.steps, { locked: true, blame: (step) => blame([{ step, values: null }]) });
      // Rows are asked for along with the claim. Where that one is not had, they were locked for nothing: not at a further try.
      const early = isFirst && !isAhead ? read() : null;
      const [claim, rows] = await Promise.allSettled([claiming, early]);
      if (claim.status === 'rejected' && !isAborted(claim.reason)) blame([]);
      const told = valueOf(claim, rows);
      if (told === null) claimed();
      const befores = valueOf(rows, claim) ?? (told ? [] : await read());
      blame([]);
      if (told) return told;
      if (isAhead && !(ahead && areSame(ahead.befores, befores))) throw new Changed();
      const judged = ahead?.judged ?? (await judgeAll(write.steps, befores));
      if (isRefused(judged)) return this.#tell(tx, write, judged);
      const made: Json[] = [];
      for (const each of judged) {
        blame([attemptOf(each)]);
        made.push(await apply(tx, each, made.length === 0));
      }
      blame(judged.map(attemptOf));
      return this.#tell(tx, write, write.answer(made));
    });
  }

  /** Waits for a twin that is being written. Gives what that one, or an earlier one, was told; null when the claim is ours. */
  async #claim(tx: Transaction, { claim: { principal, receipt, hash } }: StoreWrite, patient: boolean): Promise<Outcome | null> {
    const name = [principal, receipt.client, receipt.write];
    if (patient) await setLockTimeout(tx, PATIENCE);
    const claimed = await tx.named('rowcast claim', CLAIM, [...name, hash]).catch((error: unknown) => {
      throw sqlState(error) === '55P03' ? new TwinRuns(error) : error;
    });
    if (patient) await setLockTimeout(tx, LOCK_TIMEOUT);
    if (claimed.length > 0) return null;
    const [stored] = await tx.query(`SELECT hash, answer FROM ${WRITES} WHERE principal = $1 AND client = $2 AND write = $3`, name);
    if (!stored?.[1]) throw new Changed(); // forgotten between the two statements
    if (stored[0] !== hash) return { answer: KEY_REUSED, logged: false };
    const answer = JSON.parse(stored[1]) as Answer;
    await this.#parts.leave(tx, { ...receipt, answer });
    return { answer, logged: true };
  }

  /** Judges on the rows as they stand; null when the write has its answer already, and there is nothing to judge. */
  async #lookAhead({ claim: { principal, receipt }, steps }: StoreWrite, blame: Trying['blame']): Promise<Ahead | null> {
    // In a transaction, for its settings: a connection that is shared with the app has the app's own elsewhere.
    const befores = await this.#parts.sessions.transaction(async (tx) => {
      const name = [principal, receipt.client, receipt.write];
      const told = await tx.query(`SELECT 1 FROM ${WRITES} WHERE principal = $1 AND client = $2 AND write = $3`, name);
      return told.length > 0 ? null : rowsOf(tx, steps, { locked: false, blame: (step) => blame([{ step, values: null }]) });
    });
    blame([]);
    return befores && { befores, judged: await judgeAll(steps, befores) };
  }

  #tell(tx: Transaction, { claim: { principal, receipt } }: StoreWrite, answer: Answer): Outcome {
    const told = tx.named('rowcast answer', ANSWER, [principal, receipt.client, receipt.write, JSON.stringify(answer)]);
    tx.last(Promise.all([told, this.#parts.leave(tx, { ...receipt, answer })]));
    return { answer, logged: true };
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    if (now - this.#swept < SWEEP_MS) return;
    this.#swept = now;
    // It makes room and nothing else: what it leaves, the next one takes.
    this.#parts.sessions.query(`DELETE FROM ${WRITES} WHERE at < now() - $1::interval`, [KEPT]).catch(() => undefined);
  }
}

const CLAIM = `INSERT INTO ${WRITES} (principal, client, write, hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1`;
const ANSWER = `UPDATE ${WRITES} SET answer = $4 WHERE principal = $1 AND client = $2 AND write = $3`;

const BUSY: Answer = { ok: false, code: 'busy', message: 'the database is busy with this row; try again' };
const CONFLICT: Answer = { ok: false, code: 'conflict', message: 'the row kept changing; look at it and try again' };
const KEY_REUSED: Answer = { ok: false, code: 'key_reused', message: 'this write id was used for another write' };

function attemptOf({ step, judgement }: Allowed): Attempt {
  return { step, values: judgement.verdict === 'write' ? judgement.values : null };
}
