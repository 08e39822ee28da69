import { isRefused, judgeAll, type Answer, type Clock, type Image, type RowStep, type StoreWrite, type Verdicts } from '../core/index.ts';
import { isBusy, type Connection } from './connection.ts';
import type { WriteLock } from './lock.ts';
import { areSame } from './statements.ts';

export type Outcome = { readonly answer: Answer; readonly logged: boolean };

/** What its steps were judged on, and how. */
export interface Judged {
  readonly befores: readonly (Image | null)[];
  readonly verdicts: Verdicts;
}

/** What a turn came to, for one write. */
export type Turned =
  | { readonly is: 'told'; readonly outcome: Outcome }
  /** Its rows are not those that it was judged on. */
  | { readonly is: 'changed' }
  /** The app takes its time to say whether it may be done. */
  | { readonly is: 'waiting'; readonly befores: readonly (Image | null)[]; readonly verdicts: Promise<Verdicts> }
  /** Not together with others: the app does it itself, or the transaction of all failed. Null: it is answered already. */
  | { readonly is: 'alone'; readonly judged: Judged | null };

export interface TurnParts {
  readonly connection: Connection;
  readonly lock: WriteLock;
  readonly clock: Clock;
  /** A transaction has begun, and nothing is written in it. */
  begun(): void;
  /** The row of each step, as it stands. */
  rows(write: StoreWrite): readonly (Image | null)[];
  isAnswered(write: StoreWrite): boolean;
  /** What it was told before, told again; null: it never was. Inside a transaction. */
  again(write: StoreWrite): Outcome | null;
  /** Does it, or stores why not. Inside a transaction, of which nothing counts when this throws. */
  conclude(write: StoreWrite, verdicts: Verdicts): Outcome;
  committed(): void;
}

interface Member {
  readonly write: StoreWrite;
  /** In an earlier turn. */
  readonly judged: Judged | null;
  resolve(turned: Turned): void;
  reject(error: unknown): void;
}

/** To be written. */
interface Ready {
  readonly member: Member;
  /** Null: it is answered already. */
  readonly judged: Judged | null;
}

/** Rows that one transaction writes, about: a few milliseconds, for which nothing else runs. */
const MOST = 100;

/**
 * Writes that come in one turn of the event loop are looked at, judged and written in one transaction: what a transaction costs, they pay once.
 * It begins as a reader. All are judged on its snapshot before the first is written, so that what the app writes meanwhile, on a connection of
 * its own, waits for nobody; and since no snapshot but the newest can be written to, nobody else has changed their rows by then. Each write is
 * undone by itself where it is refused, each is told after the commit, and where the transaction fails each is done alone.
 *
 * Two that name one row, or one id, do not share a transaction: the second is judged on what the first has left. Nor do any where the schema has
 * references that only COMMIT checks: what one left broken another could mend.
 */
export class Turns {
  readonly #parts: TurnParts;
  #waiting: Member[] = [];
  #running = false;
  /** By the schema's version: whether a reference of it may be deferred. */
  #deferred: { readonly version: unknown; readonly found: boolean } | null = null;

  constructor(parts: TurnParts) {
    this.#parts = parts;
  }

  /** `judged`: before this turn. @throws what the database, or a judge, failed with: nothing was written. */
  join(write: StoreWrite, judged: Judged | null): Promise<Turned> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, judged, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      this.#parts.clock.soon(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    while (this.#waiting.length > 0) {
      const ready: Ready[] = [];
      try {
        this.#turn(ready);
      } catch (error) {
        if (isBusy(error)) await this.#onceFree(ready);
        else alone(ready);
      }
      if (this.#waiting.length > 0) await new Promise<void>((resolve) => clock.soon(resolve));
    }
    this.#running = false;
  }

  /** From BEGIN to COMMIT without giving way. `ready` is who is to be told, when it throws. */
  #turn(ready: Ready[]): void {
    const { connection, lock, begun } = this.#parts;
    if (lock.closed) return this.#refuse();
    let turned: readonly Turned[];
    try {
      connection.exec('BEGIN');
      begun();
      this.#look(ready, this.#mayDefer() ? 1 : MOST);
      turned = ready.map((each, at) => this.#settle(each, at > 0 ? 'those before' : 'nobody'));
      connection.exec('COMMIT');
    } catch (error) {
      if (connection.inTransaction) connection.exec('ROLLBACK');
      throw error;
    }
    this.#tell(ready, turned, 'those before');
  }

  /** Somebody else was writing. What was judged holds where its rows are the same still. */
  async #onceFree(ready: readonly Ready[]): Promise<void> {
    const { begun, lock } = this.#parts;
    try {
      const turned = await lock.transaction(() => {
        begun();
        return ready.map((each) => this.#settle(each, 'anybody'));
      });
      this.#tell(ready, turned, 'anybody');
    } catch (error) {
      if (!isBusy(error)) return alone(ready);
      // Who waited behind them waited for the same writer.
      for (const { reject } of [...ready.map(({ member }) => member), ...this.#waiting.splice(0)]) reject(error);
    }
  }

  /** Takes those who came first, as many as may go together, and reads and judges for them. */
  #look(ready: Ready[], most: number): void {
    const named = new Set<string>();
    let left: Member[] = [];
    let rows = 0;
    for (const [at, member] of this.#waiting.entries()) {
      rows += member.write.steps.length;
      if (named.size > 0 && rows > most) {
        left = left.concat(this.#waiting.slice(at));
        break;
      }
      const names = namesOf(member.write);
      if (names.some((name) => named.has(name))) {
        left.push(member);
        continue;
      }
      for (const name of names) named.add(name);
      this.#lookAt(member, ready);
    }
    this.#waiting = left;
  }

  #lookAt(member: Member, ready: Ready[]): void {
    const { isAnswered, rows } = this.#parts;
    const { write, resolve, reject } = member;
    let { judged } = member;
    try {
      if (isAnswered(write)) return void ready.push({ member, judged: null });
      const befores = rows(write);
      if (judged && !areSame(judged.befores, befores)) return resolve({ is: 'changed' });
      if (!judged) {
        const verdicts = judgeAll(write.steps, befores);
        if (verdicts instanceof Promise) return resolve({ is: 'waiting', befores, verdicts });
        judged = { befores, verdicts };
      }
    } catch (error) {
      return reject(error);
    }
    if (isOwn(judged.verdicts)) resolve({ is: 'alone', judged });
    else ready.push({ member, judged });
  }

  /** `since`: who may have written since it was looked at. Those before it in the transaction may have by a trigger, or by what refers to their rows. */
  #settle({ member: { write }, judged }: Ready, since: 'nobody' | 'those before' | 'anybody'): Turned {
    const { again, conclude, rows } = this.#parts;
    const told = judged && since !== 'anybody' ? null : again(write);
    if (told) return { is: 'told', outcome: told };
    if (!judged || (since !== 'nobody' && !areSame(judged.befores, rows(write)))) return { is: 'changed' };
    return { is: 'told', outcome: conclude(write, judged.verdicts) };
  }

  /** `by`: who has changed the rows of those that are told so. What those before it made of them, it is judged on anew: the first of a turn never is. */
  #tell(ready: readonly Ready[], turned: readonly Turned[], by: 'those before' | 'anybody'): void {
    const again: Member[] = [];
    for (const [at, { member }] of ready.entries()) {
      const came = turned[at] as Turned;
      if (came.is === 'changed' && by === 'those before' && at > 0) again.push({ ...member, judged: null });
      else member.resolve(came);
    }
    if (again.length > 0) this.#waiting = again.concat(this.#waiting);
    if (ready.length > 0) this.#parts.committed();
  }

  /** The lock says why. */
  #refuse(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve({ is: 'alone', judged: null });
  }

  #mayDefer(): boolean {
    const { connection } = this.#parts;
    const version = connection.all('PRAGMA schema_version')[0]?.[0];
    if (this.#deferred?.version !== version) {
      const found = connection.all("SELECT 1 AS found FROM sqlite_schema WHERE sql LIKE '%DEFERR%' LIMIT 1").length > 0;
      this.#deferred = { version, found };
    }
    return this.#deferred?.found ?? true;
  }
}

function alone(ready: readonly Ready[]): void {
  for (const { member, judged } of ready) member.resolve({ is: 'alone', judged });
}

/** The app does some of it itself: it may take its time, and may defer references. */
function isOwn(verdicts: Verdicts): boolean {
  return !isRefused(verdicts) && verdicts.some(({ judgement }) => judgement.verdict === 'hook');
}

/** Its id and its rows. A row that is made has no name yet. */
function namesOf({ claim: { principal, receipt }, steps }: StoreWrite): readonly string[] {
  const names = [JSON.stringify([principal, receipt.client, receipt.write])];
  for (const step of steps) if (step.kind === 'row' && step.key) names.push(nameOf(step));
  return names;
}

function nameOf({ table, key }: RowStep): string {
  return `${table.id} ${(key ?? []).map(String).join(' ')}`;
}
