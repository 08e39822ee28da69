import {
  numberOf,
  positionOf,
  rowValue,
  type Image,
  type Reading,
  type RowPage,
  type Rows,
  type Selection,
  type Table,
} from '../../src/core/index.ts';

/** How rows are read wrongly, over rows that are read rightly. */
type Breaking = (rows: Rows) => Rows;

interface Reads {
  readonly snapshot: Reading['snapshot'];
  readonly images: readonly Image[];
}

async function all(rows: Rows, table: Table, selection: Selection): Promise<Reads> {
  const { snapshot, pages } = await rows.read(table, selection, { signal: new AbortController().signal });
  const images: Image[] = [];
  for await (const page of pages) images.push(...page.rows);
  return { snapshot, images };
}

async function* paged(images: readonly Image[], size: number): AsyncGenerator<RowPage> {
  for (let at = 0; at < images.length; at += size) {
    yield { rows: images.slice(at, at + size), total: at === 0 || at + size >= images.length ? images.length : null };
  }
}

/** The moment that a reading says it is of, so many commits away from the one it is of. */
const momentOff =
  (by: bigint): Breaking =>
  (rows) => ({
    async read(table, selection, options) {
      const reading = await rows.read(table, selection, options);
      return { ...reading, snapshot: { by: 'position', until: positionOf(numberOf(reading.snapshot.until) + by) } };
    },
  });

/** What was read, changed before anybody gets it. */
const changed =
  (change: (images: readonly Image[], table: Table, size: number) => readonly Image[]): Breaking =>
  (rows) => ({
    async read(table, selection, { page = 1_000, signal }) {
      signal.throwIfAborted();
      const { snapshot, images } = await all(rows, table, selection);
      return { snapshot, pages: aborted(paged(change(images, table, page), page), signal) };
    },
  });

async function* aborted(pages: AsyncIterable<RowPage>, signal: AbortSignal): AsyncGenerator<RowPage> {
  for await (const page of pages) {
    signal.throwIfAborted();
    yield page;
  }
}

const ONCE = 'every row comes once, in the order of the key, whatever the size of pages';
const MOMENT = 'all pages are of the moment of the first, whatever is committed between them';
const JOINED = 'rows read under writers, and the commits that they do not show, are the table: none lost, none twice, none torn';

export const BROKEN_ROWS: Readonly<Record<string, { readonly rows: Breaking; readonly laws: readonly string[] }>> = {
  'read every page at another moment': {
    rows: (rows) => ({
      async read(table, selection, { page = 1_000, signal }) {
        const { snapshot } = await all(rows, table, selection);
        const pages = async function* (): AsyncGenerator<RowPage> {
          let [from, count] = [0, Infinity];
          for (; from < count; from += page) {
            signal.throwIfAborted();
            const { images } = await all(rows, table, selection);
            count = images.length;
            if (from < count) yield { rows: images.slice(from, from + page), total: count };
          }
        };
        return { snapshot, pages: pages() };
      },
    }),
    laws: [
      MOMENT,
      'a row that moves between pages is neither lost nor doubled',
      'two readings at once are each of their own moment',
      JOINED,
    ],
  },
  'say an earlier moment than theirs': { rows: momentOff(-1n), laws: [JOINED] },
  'say a later moment than theirs': { rows: momentOff(1n), laws: [JOINED] },
  'go on at the last row of a page and not after it': {
    rows: changed((images, _, size) =>
      images.flatMap((image, at) => (at > 0 && at % size === 0 ? [images[at - 1] as Image, image] : [image])),
    ),
    laws: [ONCE],
  },
  'go on after the first column of the key': {
    rows: changed((images, table, size) => {
      const first = (at: number): unknown => images[at]?.[table.key[0] as number];
      return images.filter((_, at) => Math.floor(at / size) === 0 || first(at) !== first(Math.floor(at / size) * size - 1));
    }),
    laws: [ONCE],
  },
  'come in the order they were written': { rows: changed((images) => images.toReversed()), laws: [ONCE] },
  'count the table where a part of it was asked for': {
    rows: (rows) => ({
      async read(table, selection, options) {
        const { images } = await all(rows, table, { by: 'all' });
        const { snapshot, pages } = await rows.read(table, selection, options);
        const counted = async function* (): AsyncGenerator<RowPage> {
          for await (const page of pages) yield { ...page, total: images.length };
        };
        return { snapshot, pages: counted() };
      },
    }),
    laws: ['the total is that of what was selected, over its pages'],
  },
  'take each column of a tuple by itself': {
    rows: (rows) => ({
      async read(table, selection, { page = 1_000 }) {
        const { snapshot, images } = await all(rows, table, { by: 'all' });
        const fits = (image: Image): boolean =>
          selection.by !== 'values' ||
          selection.places.every((place, at) => selection.tuples.some((tuple) => tuple[at] === rowValue(table, image, place)));
        return { snapshot, pages: paged(images.filter(fits), page) };
      },
    }),
    laws: [
      'rows by values are those that have one of the tuples, in the order of the key, each once',
      'a tuple with a null has no row, and does not take the others’ away',
    ],
  },
  'end quietly when they are aborted': {
    rows: (rows) => ({
      async read(table, selection, { signal, ...options }) {
        const reading = await rows.read(table, selection, { ...options, signal: new AbortController().signal });
        const quiet = async function* (): AsyncGenerator<RowPage> {
          for await (const page of reading.pages) {
            if (signal.aborted) return;
            yield page;
          }
        };
        return { ...reading, pages: quiet() };
      },
    }),
    laws: [
      'an abort before the reading has begun begins none',
      'an abort between pages lets go of the database, and the next page is refused: some rows are never taken for all',
    ],
  },
};
