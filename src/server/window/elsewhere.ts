import type { Entry, Position, Receipt, Versions } from '../../core/index.ts';
import { digestOf, isMembership } from '../bindings/versions.ts';
import type { Window } from './window.ts';

export interface ElsewhereParts {
  readonly own: Versions;
  readonly window: Window;
  /** These are not told here any more: whoever views them goes elsewhere. */
  turnAway(names: ReadonlySet<string>): void;
  /** Leaves a mark in the log. */
  mark(receipt: Receipt): void;
  id(): string;
}

/**
 * The streams that are not told here: those that who reads the log routes by other bindings than this process has, or does not have at all. From
 * the entry on that says so they can neither be shown nor gone on from, whatever has or has not come of them. A stream is told again once the log
 * is read by the same bindings and has brought a mark that was left since: rows that have in them all that is older go on from there.
 */
export class Elsewhere {
  readonly #parts: ElsewhereParts;
  readonly #own: string;
  readonly #known = new Map<string, Versions>();
  readonly #away = new Set<string>();
  /** By which the log is read, and what of ours that tells otherwise. */
  #version: string;
  #others: ReadonlySet<string> = NONE;
  #mark: string | null = null;
  /** The highest transaction of which something was not told here. */
  #untold: bigint | null = null;
  #waiting: (() => void)[] = [];

  constructor(parts: ElsewhereParts) {
    this.#parts = parts;
    this.#version = this.#own = digestOf(parts.own);
    this.#known.set(this.#own, parts.own);
  }

  has(name: string): boolean {
    return this.#away.has(name);
  }

  get streams(): readonly string[] {
    return [...this.#away].filter((name) => !isMembership(name));
  }

  /** Who belongs to what is not told here: nobody can be let in. */
  get memberships(): boolean {
    return this.#away.size > 0 && [...this.#away].some(isMembership);
  }

  /** Resolves once all of ours is told here. */
  whole(): Promise<void> {
    return this.#away.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  learn(version: string, versions: Versions): void {
    if (!this.#known.has(version)) this.#known.set(version, versions);
  }

  /** From here on the log is read by these. */
  by(version: string): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#others = this.#differing(version);
    const left = new Set([...this.#others].filter((name) => !this.#away.has(name)));
    for (const name of left) {
      this.#away.add(name);
      this.#parts.window.away.leave(name);
    }
    if ([...this.#away].some((name) => !this.#others.has(name))) {
      this.#mark = this.#parts.id();
      this.#parts.mark({ client: this.#mark, write: 1 });
    }
    if (left.size > 0) this.#parts.turnAway(left);
  }

  /** The entry as it is for this process. Before anybody hears of it. */
  pass(entry: Entry): Entry {
    const { version, versions } = entry;
    if (version !== undefined) {
      if (versions) this.learn(version, versions);
      this.by(version);
    }
    if (this.#away.size === 0) return entry;
    const xid = entry.xid === null ? null : BigInt(entry.xid);
    if (xid !== null && (this.#untold === null || xid > this.#untold)) this.#untold = xid;
    if (this.#mark !== null && entry.receipts.some(({ client }) => client === this.#mark)) this.#back(entry);
    if (this.#away.size === 0) return entry;
    return {
      ...entry,
      deliveries: entry.deliveries.filter(({ stream }) => !this.#away.has(stream)),
      resets: entry.resets.filter(({ stream }) => !this.#away.has(stream)),
      members: entry.members.filter(({ membership }) => !this.#away.has(membership)),
    };
  }

  /**
   * What these bindings were not told by others is older than the mark, which was left since. What was withheld from then on may be younger: it
   * took its number after the mark, and stands before it.
   */
  #back({ position }: { readonly position: Position }): void {
    this.#mark = null;
    const sealed = this.#untold === null ? null : this.#untold + 1n;
    for (const name of this.#away) {
      if (this.#others.has(name)) continue;
      this.#away.delete(name);
      this.#parts.window.away.return(name, { end: position, sealed });
    }
    if (this.#away.size > 0) return;
    this.#untold = null;
    for (const done of this.#waiting.splice(0)) done();
  }

  #differing(version: string): ReadonlySet<string> {
    const { own } = this.#parts;
    const theirs = this.#known.get(version);
    return version === this.#own ? NONE : new Set(Object.keys(own).filter((name) => own[name] !== theirs?.[name]));
  }
}

const NONE: ReadonlySet<string> = new Set();
