import type { Entry, Position, Receipt, RowcastError } from '../../core/index.ts';

/** Something that is waited for, until it is forgotten. */
export interface Awaiting {
  readonly done: Promise<void>;
  forget(): void;
}

/** Who waits for the log to bring a mark, or to come to a place. */
export class Awaited {
  readonly #marks = new Map<string, { done(): void; failed(error: Error): void }>();
  readonly #places = new Set<{ readonly position: Position; done(): void }>();
  readonly #flush: () => void;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** Resolves when the log has brought this receipt to every session here. */
  mark({ client }: Receipt): Awaiting {
    const done = new Promise<void>((resolve, reject) => this.#marks.set(client, { done: resolve, failed: reject }));
    return { done, forget: () => void this.#marks.delete(client) };
  }

  place(position: Position): Awaiting {
    let waiting: { readonly position: Position; done(): void } | undefined;
    const done = new Promise<void>((resolve) => this.#places.add((waiting = { position, done: resolve })));
    return { done, forget: () => void (waiting && this.#places.delete(waiting)) };
  }

  /** This entry has been passed on. */
  came({ position, receipts }: Entry): void {
    for (const { client } of receipts) {
      const mark = this.#marks.get(client);
      if (!mark) continue;
      this.#marks.delete(client);
      // The commit that carries a mark has no frame of its own; those before it are in the running tick.
      this.#flush();
      mark.done();
    }
    this.reached(position);
  }

  /** Everything up to there has been passed on, or never will be. */
  reached(position: Position): void {
    for (const waiting of this.#places) {
      if (waiting.position > position) continue;
      this.#places.delete(waiting);
      waiting.done();
    }
  }

  /** A mark that has not come may never come. */
  lost(error: RowcastError): void {
    for (const { failed } of this.#marks.values()) failed(error);
    this.#marks.clear();
  }
}
