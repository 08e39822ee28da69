import { RowcastError, type Rows, type Selection } from '../../core/index.ts';
import { keyOf, rowsOf, type Wanted } from './wanted.ts';

/** Rows that are looked at, at most: a larger table is not compared. */
const SCAN = 10_000;
/** How often a row must be found left out. */
const COMPARED = 3;

/** While an app is developed: what its bindings say twice is compared, once for each view. A row that `groupNames` puts into a group must be one that `where` finds. */
export class Strays {
  readonly #rows: Rows;
  readonly #compared = new Set<string>();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** @throws {RowcastError} `hook_invalid`, with the row. */
  async look(wanted: Wanted, selection: Selection, signal: AbortSignal): Promise<void> {
    const key = keyOf(wanted);
    if (this.#compared.has(key)) return;
    const found = async (by: Selection): Promise<Set<string>> => {
      const keys = new Set<string>();
      const { pages } = await this.#rows.read(wanted.stream.table, by, { signal });
      for await (const { rows } of pages) {
        for (const row of rowsOf(wanted, rows)) keys.add(row.key);
        if (keys.size > SCAN) break;
      }
      return keys;
    };
    // Before and after: what comes and goes meanwhile is no fault, and the same row does not do that each time.
    let strays: ReadonlySet<string> | null = null;
    for (let round = 0; round < COMPARED && strays?.size !== 0; round++) {
      const before = await found(selection);
      const all = await found({ by: 'all' });
      const after = await found(selection);
      const missing =
        all.size > SCAN ? [] : [...all].filter((each) => !before.has(each) && !after.has(each) && strays?.has(each) !== false);
      strays = new Set(missing);
    }
    const [stray] = strays ?? [];
    if (stray !== undefined) {
      throw new RowcastError(
        'hook_invalid',
        `\`where\` of "${wanted.stream.name}" leaves out the row ${stray}, which \`groupNames\` puts into the group: it must find at least the rows of ` +
          `the group (this is looked for while NODE_ENV is not "production")`,
      );
    }
    this.#compared.add(key);
  }
}
