import type { Kind } from './verdict.ts';
import type { ExpectedChange, ViewCommit, ViewHistory } from './view-history.ts';

/** More than this may be told as one to who was away. */
const ONE_BY_ONE = { rows: 32, bytes: 64 * 1024 };

/** A change as it came. `data` is null for a delete. */
export interface GivenChange {
  readonly action: string;
  readonly pk: string;
  readonly data: string | null;
}

/** What a client has of a view: what its next connection may go on from. */
export interface Kept {
  readonly position: string;
  readonly rows: ReadonlyMap<string, string>;
}

/**
 * One subscription, followed as a client must follow it, and compared at every step with what the log says. `resuming` and `loading` end with
 * `ready`; what a client shows meanwhile is what it had.
 */
export class Held {
  readonly view: ViewHistory;
  state: 'resuming' | 'loading' | 'ready';
  /** Of the rows; null: there never were any. */
  position: string | null;
  rows: Map<string, string>;
  #staged = new Map<string, string>();
  readonly #report: (kind: Kind, about: string) => void;
  readonly #missed = new Set<string>();

  constructor(view: ViewHistory, kept: Kept | null, report: (kind: Kind, about: string) => void) {
    this.view = view;
    this.state = kept ? 'resuming' : 'loading';
    this.position = kept?.position ?? null;
    this.rows = new Map(kept?.rows);
    this.#report = report;
  }

  reset(): void {
    this.state = 'loading';
    this.#staged = new Map();
  }

  page(rows: readonly (readonly [pk: string, data: string])[], count: number): void {
    if (this.state !== 'loading') this.#report('protocol', `rows came in the state ${this.state}`);
    for (const [pk, data] of rows) {
      if (this.#staged.has(pk)) this.#report('duplicated', `the row ${pk} came twice among the first rows`);
      this.#staged.set(pk, data);
    }
    if (count !== this.#staged.size) this.#report('protocol', `${this.#staged.size} rows have come, and the frame counts ${count}`);
  }

  /** What a commit has for this view, which may be nothing. Gives whether any of it was as it had to be. */
  commit(position: string, given: readonly GivenChange[], merged: boolean): boolean {
    if (new Set(given.map(({ pk }) => pk)).size < given.length) this.#report('duplicated', `a row twice in one commit at ${position}`);
    if (this.state === 'loading' || this.position === null) {
      write(this.#staged, given);
      return false;
    }
    // While it is being caught up with, commits of other views pass it by.
    if (this.state === 'resuming' && given.length === 0) return false;
    if (position <= this.position) {
      if (given.length > 0) this.#again(position);
      return false;
    }
    const right = merged ? this.#merged(position, given) : this.#single(position, given);
    this.#moved(position);
    return right;
  }

  /** Everything up to there has come, it is said. */
  move(position: string): void {
    if (this.state !== 'ready' || this.position === null || position <= this.position) return;
    this.#skipped(this.view.between(this.position, position));
    this.#moved(position);
  }

  ready(position: string): void {
    if (this.state === 'ready') this.#report('protocol', `ready at ${position}, and it was ready`);
    if (this.position !== null && position < this.position) this.#report('reordered', `ready at ${position}, after ${this.position}`);
    if (this.state === 'resuming' && this.position !== null) {
      const passed = this.view.between(this.position, position);
      if (!this.#cameAndWent(passed)) this.#skipped(passed);
    } else this.rows = this.#staged;
    this.#staged = new Map();
    this.state = 'ready';
    this.#moved(position);
    this.compare();
  }

  /** The rows, all of them, with what they must be. */
  compare(): void {
    if (this.position === null) return;
    const expected = this.view.rowsAt(this.position);
    const where = `at ${this.position}`;
    for (const [pk, data] of expected) {
      const has = this.rows.get(pk);
      if (has === undefined) this.#report('lost', `the row ${pk} is not there ${where}`);
      else if (has !== data) this.#report('wrong', `the row ${pk} is ${has} ${where}, and must be ${data}`);
    }
    for (const [pk, data] of this.rows) if (!expected.has(pk)) this.#foreign(pk, data, where);
    this.rows = expected;
  }

  /** It is not told apart from a row that was lost, and then sent too late. */
  #again(position: string): void {
    const told = this.view.at(position) !== undefined && !this.#missed.has(position);
    if (told) this.#report('duplicated', `changes of ${position} came again, after ${this.position}`);
    else this.#report('reordered', `changes of ${position} came after ${this.position}`);
  }

  #skipped(commits: readonly ViewCommit[]): boolean {
    for (const { position } of commits) {
      this.#missed.add(position);
      this.#report('lost', `the commit ${position} never came`);
    }
    return commits.length > 0;
  }

  /** What was missed, told as one, is nothing: no row of it was there before, and none is there after. */
  #cameAndWent(passed: readonly ViewCommit[]): boolean {
    const sum = (part: (commit: ViewCommit) => number): number => passed.reduce((total, commit) => total + part(commit), 0);
    if (sum(({ changes }) => changes.size) <= ONE_BY_ONE.rows && sum(({ bytes }) => bytes) <= ONE_BY_ONE.bytes) return false;
    const to = passed.at(-1)?.position ?? '';
    const touched = passed.flatMap(({ changes }) => [...changes.keys()]);
    return touched.every((pk) => this.view.shownAt(pk, this.position ?? '') === null && this.view.shownAt(pk, to) === null);
  }

  #single(position: string, given: readonly GivenChange[]): boolean {
    const passed = this.view.between(this.position ?? '', position);
    const own = passed.at(-1)?.position === position ? passed.at(-1) : undefined;
    let right = !this.#skipped(passed.filter((commit) => commit !== own));
    const expected = own?.changes ?? new Map<string, ExpectedChange>();
    const absent = [...expected.keys()].filter((pk) => !given.some((change) => change.pk === pk));
    if (absent.length > 0) {
      if (given.length === 0) this.#missed.add(position);
      this.#report(given.length === 0 ? 'lost' : 'torn', `the commit ${position} came without ${absent.join(', ')}`);
      right = false;
    }
    for (const { pk, action, data } of given) {
      const must = expected.get(pk);
      if (must?.action === action && must.data === data) continue;
      right = false;
      if (!must) this.#foreign(pk, data, `in the commit ${position}`);
      else this.#report('wrong', `the commit ${position} has ${pk}: ${action} ${data}, and must have ${must.action} ${must.data}`);
    }
    // What is wrong is said once: from here on as it must be.
    for (const [pk, { data }] of expected) put(this.rows, pk, data);
    return right;
  }

  #merged(position: string, given: readonly GivenChange[]): boolean {
    const passed = this.view.between(this.position ?? '', position);
    const touched = new Set(passed.flatMap(({ changes }) => [...changes.keys()]));
    let right = true;
    for (const { pk, data } of given) {
      if (touched.has(pk)) continue;
      right = false;
      this.#foreign(pk, data, `in the merged commit ${position}`);
    }
    write(this.rows, given);
    for (const pk of touched) {
      const must = this.view.shownAt(pk, position);
      const has = this.rows.get(pk) ?? null;
      if (has === must) continue;
      right = false;
      const came = given.some((change) => change.pk === pk);
      const kind = came ? 'wrong' : given.length === 0 ? 'lost' : 'torn';
      this.#report(kind, `after the merged commit ${position}, ${pk} is ${has}, and must be ${must}`);
      put(this.rows, pk, must);
    }
    return right;
  }

  /** A row, or a key, that has no business here. */
  #foreign(pk: string, data: string | null, where: string): void {
    if (!this.view.everShown(pk)) this.#report('leaked', `${pk}: ${data} was never to be seen here, and came ${where}`);
    else if (data !== null && !this.view.everWas(pk, data)) this.#report('leaked', `${pk} was never ${data} here, and came ${where}`);
    else this.#report('wrong', `${pk}: ${data} is too much ${where}`);
  }

  #moved(position: string): void {
    this.position = position;
  }
}

function write(rows: Map<string, string>, given: readonly GivenChange[]): void {
  for (const { pk, data } of given) put(rows, pk, data);
}

function put(rows: Map<string, string>, pk: string, data: string | null): void {
  if (data === null) rows.delete(pk);
  else rows.set(pk, data);
}
