import { sizeOf, type Entry } from '../core/index.ts';
import { jsonOf } from './wire.ts';

/** Of the batches that went out last: whoever is not far behind is sent one of these. */
const KEPT = 8 * 1024 * 1024; // bytes
/** About how large a frame of several entries is, at most: who asks for something else meanwhile waits for one of them. */
const PART = 1024 * 1024; // bytes

/** Batches as bytes, made once for all who follow: entries stand in one order, so the first one and the count name a batch. */
export class Bodies {
  readonly #kept = new Map<Entry, { readonly count: number; readonly body: Buffer }>();
  #bytes = 0;

  of(batch: readonly Entry[]): Buffer {
    const [first] = batch;
    const kept = first && this.#kept.get(first);
    if (kept?.count === batch.length) return kept.body;
    const body = jsonOf(batch);
    this.keep(batch, body);
    return body;
  }

  /** It came as bytes: nobody need make them again. */
  keep(batch: readonly Entry[], body: Buffer): void {
    const [first] = batch;
    if (!first || body.length > KEPT) return;
    this.#forget(first);
    this.#kept.set(first, { count: batch.length, body });
    this.#bytes += body.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= KEPT) return;
      this.#forget(oldest);
    }
  }

  #forget(entry: Entry): void {
    this.#bytes -= this.#kept.get(entry)?.body.length ?? 0;
    this.#kept.delete(entry);
  }
}

/** A batch in parts that are not too large, the same for everybody who has the same batch. */
export function* partsOf(batch: readonly Entry[]): Generator<readonly Entry[]> {
  let [from, size] = [0, 0];
  for (const [at, entry] of batch.entries()) {
    const more = sizeOf(entry);
    if (at > from && size + more > PART) {
      yield batch.slice(from, at);
      [from, size] = [at, 0];
    }
    size += more;
  }
  yield from === 0 ? batch : batch.slice(from);
}
