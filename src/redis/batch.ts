import { entriesIn, numberOf, RowcastError, sizeOf, textOf, type Entry, type LedgerBounds, type Position } from '../core/index.ts';

/** About how many bytes of entries one message takes, unless one entry is more. */
const MESSAGE_BYTES = 64 * 1024;

/** The id of the message whose last entry has this position. */
export function idOf(position: Position): string {
  return `${numberOf(position)}-0`;
}

/** Does each name the one before it? */
export function isChain(entries: readonly Entry[]): boolean {
  return entries.every(({ prev, position }, at) => prev < position && (at === 0 || prev === entries[at - 1]?.position));
}

/** What of one call outlives it: more than the ledger keeps is not sent there. */
export function keptOf(entries: readonly Entry[], { entries: most, bytes }: LedgerBounds): readonly Entry[] {
  let first = entries.length;
  for (let sum = 0; first > 0; first--) {
    sum += sizeOf(entries[first - 1] as Entry);
    if (first < entries.length && (entries.length - first >= most || sum > bytes)) break;
  }
  return entries.slice(first);
}

/** Messages as the script takes them: id, entries, bytes, index, body. */
export function* messagesOf(entries: readonly Entry[]): Generator<readonly string[]> {
  let batch: Entry[] = [];
  let [bytes, index] = [0, ''];
  for (const [at, entry] of entries.entries()) {
    const size = sizeOf(entry);
    batch.push(entry);
    bytes += size;
    index += `${entry.position} ${size} `;
    if (bytes < MESSAGE_BYTES && at < entries.length - 1) continue;
    yield [idOf(entry.position), String(batch.length), String(bytes), `${entry.position} ${index}`, textOf(batch)];
    [batch, bytes, index] = [[], 0, ''];
  }
}

/**
 * The entries of what a read of the stream gave: `[[key, [[id, ['e', body]], …]]]`, or null when nothing came.
 * @throws {RowcastError} `ledger_lost` at what Rowcast did not write: whoever looks next finds that the index knows nothing of it.
 */
export function entriesOf(read: unknown): Entry[] {
  const [stream] = (read ?? []) as readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[];
  return (stream?.[1] ?? []).flatMap(([id, fields]) => entriesIn(fields[1] ?? '') ?? notOurs(stream?.[0] as string, id));
}

function notOurs(key: string, id: string): never {
  throw new RowcastError(
    'ledger_lost',
    `the message ${id} in "${key}" is not Rowcast's: the stream begins anew; give redis() a prefix that nobody else uses`,
  );
}
