import type { Committed, Net } from './history.ts';
import { nameOf, sees, shownAs, TABLE_OF, type Viewing } from './rules.ts';

export interface ExpectedChange {
  readonly action: 'create' | 'update' | 'delete';
  /** Null for a delete. */
  readonly data: string | null;
}

/** What one commit must look like in one view. */
export interface ViewCommit {
  readonly position: string;
  readonly changes: ReadonlyMap<string, ExpectedChange>;
  /** Of the whole commit. */
  readonly rows: number;
  readonly bytes: number;
}

interface Version {
  readonly position: string;
  readonly data: string | null;
}

/** What a view was at every position, and what led from one to the next: by the rules of `rules.ts`, from the database's own account. */
export class ViewHistory {
  readonly name: string;
  readonly viewing: Viewing;
  readonly commits: ViewCommit[] = [];
  /** Where its table was emptied at a stroke: whoever sees none of its rows may be told so, too. */
  readonly truncations: string[] = [];
  /** Where rows changed that say what the person belongs to, to this or to anything else. */
  readonly memberships: string[] = [];
  /** All marks of all texts that were ever to be seen here. */
  readonly marks = new Set<string>();
  readonly #versions = new Map<string, Version[]>();
  readonly #grants = new Map<string, string>();
  /** Where membership began and ended, in turn; empty for a view that needs none. */
  readonly #turns: string[] = [];

  constructor(viewing: Viewing, past: readonly Committed[]) {
    this.name = nameOf(viewing);
    this.viewing = viewing;
    for (const commit of past) this.take(commit);
  }

  take(commit: Committed): void {
    const { stream } = this.viewing;
    if (stream === 'docs') this.#join(commit);
    if (commit.truncated.has(TABLE_OF[stream])) this.truncations.push(commit.position);
    const changes = new Map<string, ExpectedChange>();
    for (const net of commit.changes) {
      if (net.table !== TABLE_OF[stream]) continue;
      const change = this.#change(net);
      if (!change) continue;
      changes.set(change.pk, change);
      let versions = this.#versions.get(change.pk);
      if (!versions) this.#versions.set(change.pk, (versions = []));
      versions.push({ position: commit.position, data: change.data });
    }
    if (changes.size === 0) return;
    const { position, rows, bytes } = commit;
    this.commits.push({ position, changes, rows, bytes });
  }

  /** The commits after a position, up to and with another. */
  between(after: string, upTo: string): readonly ViewCommit[] {
    return this.commits.slice(this.#first(after), this.#first(upTo));
  }

  at(position: string): ViewCommit | undefined {
    const commit = this.commits[this.#first(position) - 1];
    return commit?.position === position ? commit : undefined;
  }

  shownAt(pk: string, position: string): string | null {
    const versions = this.#versions.get(pk) ?? [];
    return versions.findLast((version) => version.position <= position)?.data ?? null;
  }

  rowsAt(position: string): Map<string, string> {
    const rows = new Map<string, string>();
    for (const pk of this.#versions.keys()) {
      const data = this.shownAt(pk, position);
      if (data !== null) rows.set(pk, data);
    }
    return rows;
  }

  everShown(pk: string): boolean {
    return this.#versions.has(pk);
  }

  /** Whether these very data were the row's at some time. */
  everWas(pk: string, data: string): boolean {
    return this.#versions.get(pk)?.some((version) => version.data === data) ?? false;
  }

  /** Whether the person may see it at this position. */
  heldAt(position: string): boolean {
    if (this.viewing.stream !== 'docs') return true;
    return this.#turns.filter((turn) => turn <= position).length % 2 === 1;
  }

  /** Whether they may, at all positions from one to another; `sometimes`: at one of them. */
  heldThrough(from: string, to: string): boolean {
    return this.heldAt(from) && !this.#turns.some((turn) => turn > from && turn <= to);
  }

  heldSometimes(from: string, to: string): boolean {
    return this.heldAt(from) || this.#turns.some((turn) => turn > from && turn <= to);
  }

  /** How many commits are at or before a position. */
  #first(position: string): number {
    let [low, high] = [0, this.commits.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.commits[middle] as ViewCommit).position <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #change({ before, after }: Net): (ExpectedChange & { readonly pk: string }) | null {
    const { stream } = this.viewing;
    const saw = before !== null && sees(this.viewing, before);
    if (after !== null && sees(this.viewing, after)) {
      const { pk, data, marks } = shownAs(stream, after);
      for (const mark of marks) this.marks.add(mark);
      return { pk, action: saw ? 'update' : 'create', data };
    }
    return saw ? { pk: shownAs(stream, before).pk, action: 'delete', data: null } : null;
  }

  #join({ position, changes, truncated }: Committed): void {
    const { params, person } = this.viewing;
    const had = this.#grants.size > 0;
    const own = changes.some(
      ({ table, before, after }) => table === 'member' && [before?.['person'], after?.['person']].includes(person.name),
    );
    if (own || truncated.has('member')) this.memberships.push(position);
    for (const { table, key, after } of changes) {
      if (table !== 'member') continue;
      if (after?.['person'] === person.name && after['org'] === String(params['org'])) this.#grants.set(key, after['role'] ?? '');
      else this.#grants.delete(key);
    }
    if (this.#grants.size > 0 !== had) this.#turns.push(position);
  }
}

/** The views that anybody followed. */
export class ViewHistories {
  readonly #past: readonly Committed[];
  readonly #views = new Map<string, ViewHistory>();
  #taken = 0;

  constructor(past: readonly Committed[]) {
    this.#past = past;
  }

  of(viewing: Viewing): ViewHistory {
    const name = nameOf(viewing);
    let view = this.#views.get(name);
    if (!view) this.#views.set(name, (view = new ViewHistory(viewing, this.#past.slice(0, this.#taken))));
    return view;
  }

  /** Up to where they were taken in. */
  get position(): string {
    return this.#past[this.#taken - 1]?.position ?? '';
  }

  /** All that was committed after a position, up to and with another. */
  passed(after: string, upTo: string): readonly Committed[] {
    return this.#past.filter(({ position }) => position > after && position <= upTo);
  }

  /** Takes in what has been committed since, one by one. */
  *catchUp(): Generator<Committed> {
    for (let next = this.#past[this.#taken]; next; next = this.#past[this.#taken]) {
      this.#taken++;
      for (const view of this.#views.values()) view.take(next);
      yield next;
    }
  }
}
