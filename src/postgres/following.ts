import type { Log } from '../core/index.ts';
import { leaveLoss } from './messages.ts';
import { fingerprint, publicationSteps, readStanding, refusals, regrouped, type Standing, type TableStanding } from './publication.ts';
import { applySteps, refuseMissing } from './setup.ts';
import type { Sessions } from './sql.ts';
import type { PgTable } from './tables.ts';

export interface FollowingParts {
  readonly sessions: Sessions;
  readonly publication: string;
  readonly tables: readonly PgTable[];
  readonly setup: 'auto' | 'check';
  readonly log: Log;
}

/**
 * What is followed while it runs. A table that cannot be followed any more is given up alone, and the others go on; once it can be again, it
 * is taken up. Each time its viewers read again: a message in the log says so, at its place among the commits.
 */
export class Following {
  readonly #parts: FollowingParts;
  readonly #unfollowed = new Set<PgTable>();
  /** How all stood when what is read now began, and at the last look. */
  #began: Standing;
  #last: Standing;

  constructor(parts: FollowingParts, standing: Standing) {
    this.#parts = parts;
    this.#began = standing;
    this.#last = standing;
  }

  /** Looks, and says whether rows of the followed tables may have been left out of the log. */
  async changed(): Promise<boolean> {
    const { sessions, publication, tables, log } = this.#parts;
    const standing = await readStanding(sessions, publication, tables);
    const refused = refusals(standing, publication, tables);
    const given = tables.filter((table) => refused.has(table) && !this.#unfollowed.has(table));
    const moved = tables.filter((table, place) => {
      const [before, now] = [this.#last.tables[place], standing.tables[place]] as [TableStanding, TableStanding];
      return !refused.has(table) && regrouped(before, now);
    });
    if (given.length + moved.length > 0) await leaveLoss(sessions, [...given, ...moved]);
    // Not before it was said: until then it has to be said again.
    this.#last = standing;
    for (const table of given) {
      this.#unfollowed.add(table);
      log.error({ table: table.id, err: refused.get(table) }, 'a bound table cannot be followed any more; the others go on');
    }
    return this.#printOf(standing) !== this.#printOf(this.#began);
  }

  /** Makes again what has been taken away, as far as that is allowed, and takes up what can be followed again. */
  async setRight(): Promise<void> {
    const { sessions, publication, tables, setup, log } = this.#parts;
    const refused = refusals(this.#last, publication, tables);
    const places = tables.flatMap((table, place) => (refused.has(table) ? [] : [place]));
    const followed = places.map((place) => tables[place] as PgTable);
    const standing = { ...this.#last, tables: places.map((place) => this.#last.tables[place] as TableStanding) };
    const steps = publicationSteps(standing, publication, followed);
    if (steps.length > 0) {
      if (setup === 'check') refuseMissing(steps);
      await applySteps(sessions, steps);
      log.warn({ steps: steps.map(({ sql }) => sql) }, 'what makes the log tell of every row was not there any more; it was made again');
      this.#last = await readStanding(sessions, publication, tables);
    }
    const taken = followed.filter((table) => this.#unfollowed.has(table));
    if (taken.length > 0) {
      await leaveLoss(sessions, taken);
      for (const table of taken) this.#unfollowed.delete(table);
      log.info({ tables: taken.map(({ id }) => id) }, 'tables can be followed again');
    }
    this.#began = this.#last;
  }

  #printOf(standing: Standing): string {
    return fingerprint(standing, (place) => !this.#unfollowed.has(this.#parts.tables[place] as PgTable));
  }
}
