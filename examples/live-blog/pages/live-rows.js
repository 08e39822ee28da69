// The rows of a stream, kept as they are in the database.
//
// Loading and listening have to meet without a gap: a row that changes between the two would be lost. So it listens first, keeps what
// arrives while the rows are loaded, and applies it to them afterwards. A change that the loaded rows show already is applied a second
// time, and that does no harm: each change carries the whole row.

/**
 * @typedef {{ pk: number, data: Record<string, any> }} Row
 * @typedef {{ action: 'create' | 'update' | 'delete', pk: number, data: Record<string, any> | null }} Change
 * @param {{ on: (event: string, handler: (value: any) => void) => unknown }} stream
 * @param {string} url where the rows are loaded from: `[{ pk, data }]`
 * @param {(rows: Map<number, Record<string, any>>, changes: readonly Change[] | null) => void} show called with all rows after each commit
 *   and what it changed; `null` when the rows have been loaded
 */
export function liveRows(stream, url, show) {
  let rows = new Map();
  let waiting = /** @type {Change[] | null} */ ([]);

  stream.on('ready', load); // the first time, and after every reconnect: what happened in between did not arrive
  stream.on('reset', load);
  stream.on('commit', (changes) => {
    if (waiting) return void waiting.push(...changes);
    apply(rows, changes);
    show(rows, changes);
  });

  async function load() {
    const arrived = /** @type {Change[]} */ ([]);
    waiting = arrived;
    const loaded = await rowsFrom(url);
    if (waiting !== arrived) return; // another load has begun meanwhile
    if (!loaded) return void setTimeout(() => waiting === arrived && load(), 1_000);
    rows = new Map(loaded.map(({ pk, data }) => [pk, data]));
    apply(rows, arrived);
    waiting = null;
    show(rows, null);
  }
}

/** @returns {Promise<Row[] | null>} null when they cannot be had now */
async function rowsFrom(url) {
  try {
    const response = await fetch(url);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function apply(rows, changes) {
  for (const { action, pk, data } of changes) {
    if (action === 'delete') rows.delete(pk);
    else rows.set(pk, data);
  }
}
