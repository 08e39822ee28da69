import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UNREADABLE, type Image } from '../../core/index.ts';
import { rowReader } from './image.ts';
import type { Attribute, Followed } from './standing.ts';
import type { PgTable } from '../tables/tables.ts';

/** The model: two listed columns, the key one of them, and one that nobody lists. */
const COLUMNS = ['id', 'title', 'note'].map((column, at) => ({ column, type: 25, listed: at < 2 }));
const TABLE = { columns: COLUMNS } as unknown as PgTable;

/** A column as it is, and the number under which the app first made it: what a value in it belongs to. */
interface Made extends Attribute {
  readonly origin: string;
}

interface World {
  columns: readonly Made[];
  made: number;
  versions: number;
}

const FIRST: World = {
  columns: ['old', 'id', 'title', 'note', 'last'].map((name, at) => ({
    number: at + 1, name, type: 25, modifier: -1, version: '0', origin: `${name}#${at + 1}`,
  })),
  made: 5,
  versions: 0,
}; // prettier-ignore

type Step = { readonly does: 'add' | 'drop' | 'rename' | 'retype' | 'touch' | 'write'; readonly which: number; readonly name: string };

const NAMES = ['old', 'id', 'title', 'note', 'last', 'new'];
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom('add', 'drop', 'rename', 'retype', 'touch', 'write', 'write'),
  which: fc.nat(),
  name: fc.constantFrom(...NAMES),
});

/** What Postgres does to pg_attribute. */
function after(world: World, { does, which, name }: Step): World {
  const { columns, made } = world;
  const versions = world.versions + 1;
  const version = String(versions);
  const taken = columns.some((column) => column.name === name);
  const at = columns.length === 0 ? -1 : which % columns.length;
  const altered = (change: Partial<Made>): World => ({
    made,
    versions,
    columns: columns.map((column, place) => (place === at ? { ...column, ...change, version } : column)),
  });
  switch (does) {
    case 'add':
      if (taken) return world;
      return {
        made: made + 1,
        versions,
        columns: [...columns, { number: made + 1, name, type: 25, modifier: -1, version, origin: `${name}#${made + 1}` }],
      };
    case 'drop':
      return { made, versions, columns: columns.filter((_, place) => place !== at) };
    case 'rename':
      return taken ? world : altered({ name });
    case 'retype':
      return altered({ type: columns[at]?.type === 25 ? 23 : 25 });
    case 'touch':
      return altered({});
    case 'write':
      return world;
  }
}

const standing = ({ columns, made }: World): Followed => ({
  rel: 1, under: [1], born: true, file: null, child: null, persistence: 'p', made, rows: 'r', truncate: 't', attributes: columns,
}); // prettier-ignore

/** The value of each of the model's columns at the moment of the write; undefined where it was not there as the model has it. */
function truth({ columns }: World): readonly (string | undefined)[] {
  return COLUMNS.map(({ column, type }) => columns.find((each) => each.name === column && each.type === type)?.origin);
}

describe('a row that was written while its table was altered', () => {
  test('has a listed column’s own value or is not read at all, whatever was done, in whatever order', () => {
    let read = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let world = FIRST;
        const rows: { readonly values: readonly string[]; readonly truth: readonly (string | undefined)[] }[] = [];
        for (const each of steps) {
          world = after(world, each);
          if (each.does === 'write') rows.push({ values: world.columns.map(({ origin }) => origin), truth: truth(world) });
        }
        const reader = rowReader(TABLE, standing(FIRST), standing(world));
        for (const row of rows) {
          const image: Image | null = reader(row.values);
          if (image === null) refused++;
          else read++;
          for (const [at, value] of (image ?? []).entries()) {
            if (value === UNREADABLE) expect(COLUMNS[at]?.listed).toBe(false);
            else expect(value).toBe(row.truth[at]);
          }
        }
      }),
      { numRuns: 20_000 },
    );
    // It would hold of a reader that reads nothing.
    expect(read).toBeGreaterThan(refused / 4);
  });

  const images = (...steps: readonly (Partial<Step> & Pick<Step, 'does'>)[]): readonly (Image | null)[] => {
    let world = FIRST;
    const rows: (readonly string[])[] = [world.columns.map(({ origin }) => origin)];
    for (const each of steps) {
      world = after(world, { which: 0, name: 'new', ...each });
      rows.push(world.columns.map(({ origin }) => origin));
    }
    const reader = rowReader(TABLE, standing(FIRST), standing(world));
    return rows.map((row) => reader(row));
  };
  const IMAGE = ['id#2', 'title#3', 'note#4'];

  test('is read whole when a column was added, when one behind it was dropped, and when one before it was', () => {
    expect(images({ does: 'add' })).toEqual([IMAGE, IMAGE]);
    expect(images({ does: 'drop', which: 4 })).toEqual([IMAGE, IMAGE]);
    expect(images({ does: 'drop', which: 0 })).toEqual([IMAGE, IMAGE]);
    expect(images({ does: 'add' }, { does: 'rename', which: 5, name: 'newer' })).toEqual([IMAGE, IMAGE, IMAGE]);
  });

  test('is not read when a listed column was renamed and back: another may have had its name', () => {
    expect(images({ does: 'rename', which: 2, name: 'new' }, { does: 'rename', which: 2, name: 'title' })).toEqual([null, null, null]);
  });
});
