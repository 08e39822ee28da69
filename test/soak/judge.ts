import { ClientJudge, type Line } from './client-judge.ts';
import type { History } from './history.ts';
import type { StreamName, Viewing } from './rules.ts';
import type { Person } from './tables.ts';
import type { Injected, Kind, Violation } from './verdict.ts';
import { ViewHistories } from './view-history.ts';
import { Introductions, WritesJudge } from './writes-judge.ts';

/** Lines, or commits, that are judged at a stretch. */
const SLICE = 100;
const breath = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A client that keeps rows itself. */
export interface Collecting {
  readonly name: string;
  readonly person: Person;
  readonly collections: readonly {
    readonly stream: StreamName;
    readonly params: Viewing['params'];
    readonly status: string;
    /** Its rows, and its rows as its events tell them. */
    readonly shown: ReadonlyMap<string, string>;
    readonly told: ReadonlyMap<string, string>;
  }[];
}

/**
 * Compares what clients sent and heard, byte by byte, with what Postgres says was committed. It shares no code with what it judges.
 *
 * Lines are judged when `settle` is called, those up to a moment after which the history was read: it holds everything that they could speak of.
 */
export class Judge {
  readonly violations: Violation[] = [];
  /** What came, of what is not everyday: resets that had a cause by their reason, views that were resumed, … */
  readonly counts = new Map<string, number>();
  /** Frames that were judged. */
  frames = 0;
  readonly #history: History;
  readonly #views: ViewHistories;
  readonly #faults: readonly Injected[];
  readonly #introductions = new Introductions();
  readonly #clients = new Map<string, { readonly judge: ClientJudge; readonly writes: WritesJudge; lines: Line[] }>();

  constructor(history: History, faults: readonly Injected[] = []) {
    this.#history = history;
    this.#views = new ViewHistories(history.commits);
    this.#faults = faults;
  }

  client(name: string, person: Person): { hear(line: Line): void } {
    const report = (kind: Kind, about: string): void => void this.violations.push({ kind, who: name, about });
    const writes = new WritesJudge(this.#introductions, report);
    const count = (what: string): void => void this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    const judge = new ClientJudge({ name, person, views: this.#views, writes, faults: this.#faults, report, count });
    const client = { judge, writes, lines: [] as Line[] };
    this.#clients.set(name, client);
    return { hear: (line) => void client.lines.push(line) };
  }

  /**
   * Judges what was heard by then, in milliseconds: the history must have been read after that. A little at a time, for those who live in the
   * same process and have clocks to watch.
   */
  async settle(until: number = Infinity): Promise<void> {
    for (const commit of this.#views.catchUp()) {
      this.#introductions.take(commit);
      if (this.#introductions.taken % SLICE === 0) await breath();
    }
    for (const client of this.#clients.values()) {
      const lines = client.lines.filter(({ at }) => at < until);
      client.lines = client.lines.slice(lines.length);
      for (const [index, line] of lines.entries()) {
        client.judge.hear(line);
        if (index % SLICE === SLICE - 1) await breath();
      }
      this.frames += lines.length;
    }
  }

  /** At a quiet moment: what has not arrived. Those who are away owe nothing. */
  unsettled(away: ReadonlySet<string> = new Set()): readonly string[] {
    const present = [...this.#clients].filter(([name]) => !away.has(name));
    return present.flatMap(([name, { judge, writes }]) => [
      ...judge.unsettled(this.#history.position).map((about) => `${name}: ${about}`),
      ...writes.unanswered.map((id) => `${name}: the write ${id} is not answered`),
    ]);
  }

  /** What a client shows of its views, at a moment when they should be the database's. */
  collections({ name, person, collections }: Collecting): readonly string[] {
    return collections.flatMap(({ stream, params, status, shown, told }) => {
      const view = this.#views.of({ stream, params, person });
      const must = view.heldAt(this.#history.position) ? view.rowsAt(this.#history.position) : new Map<string, string>();
      return [
        ...(status === 'live' || must.size === 0 ? [] : [`${name}: ${view.name} is shown as ${status}`]),
        ...differences(shown, must).map((about) => `${name}: ${view.name} shows other rows than there are: ${about}`),
        ...differences(told, must).map((about) => `${name}: the changes of ${view.name} make other rows than there are: ${about}`),
      ];
    });
  }

  /** Once everything has arrived: every write did what its answer says. */
  settleWrites(away: ReadonlySet<string> = new Set()): void {
    for (const [name, { writes }] of this.#clients) if (!away.has(name)) writes.settle();
  }

  get answers(): number {
    return [...this.#clients.values()].reduce((sum, { writes }) => sum + writes.answers, 0);
  }
}

/** How many rows differ, and how one of them does; empty: none. */
function differences(has: ReadonlyMap<string, string>, must: ReadonlyMap<string, string>): readonly string[] {
  const keys = [...new Set([...has.keys(), ...must.keys()])].filter((key) => has.get(key) !== must.get(key));
  const [first] = keys;
  if (first === undefined) return [];
  return [`${keys.length} of ${must.size}, ${first} is ${has.get(first) ?? 'not there'} and must be ${must.get(first) ?? 'none'}`];
}
