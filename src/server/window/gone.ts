import type { Snapshot } from '../../core/index.ts';

/** Transaction ids of one chunk: a bit each. */
const CHUNK = 65_536n;
/** 16 million transactions in 2 MiB. */
const CHUNKS = 256;

/**
 * The transactions whose entries have gone from the window: no rows that were read without one of them may be gone on from. Each is known by
 * itself, and not by the highest of them: a transaction that has been open for hours stands in no entry, and must keep nobody from their rows.
 */
export class Gone {
  readonly #chunks = new Map<bigint, Uint32Array>();
  #highest = -1n;
  /** What is known begins here: it was too much. */
  #known = 0n;

  add(xid: bigint): void {
    if (xid > this.#highest) this.#highest = xid;
    if (xid < this.#known) return;
    const index = xid / CHUNK;
    let chunk = this.#chunks.get(index);
    if (!chunk) {
      this.#chunks.set(index, (chunk = new Uint32Array(Number(CHUNK) / 32)));
      if (this.#chunks.size > CHUNKS) this.#forget();
    }
    const bit = Number(xid % CHUNK);
    chunk[bit >> 5] = (chunk[bit >> 5] as number) | (1 << (bit & 31));
  }

  /** Whether rows read in this snapshot have all of them. */
  shownIn(snapshot: Snapshot): boolean {
    if (snapshot.by === 'position') return true;
    if (this.#highest >= snapshot.xmax) return false;
    for (const xid of snapshot.running) if (xid < this.#known || this.#has(xid)) return false;
    return true;
  }

  #has(xid: bigint): boolean {
    const chunk = this.#chunks.get(xid / CHUNK);
    const bit = Number(xid % CHUNK);
    return chunk !== undefined && ((chunk[bit >> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  #forget(): void {
    let first: bigint | null = null;
    for (const index of this.#chunks.keys()) if (first === null || index < first) first = index;
    if (first === null) return;
    this.#chunks.delete(first);
    this.#known = (first + 1n) * CHUNK;
  }
}
