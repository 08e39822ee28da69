import { RowcastError, type Clock, type Image, type RowPage } from '../core/index.ts';
import type { Connection } from './connection.ts';
import { sizeOf } from './journal.ts';
import type { Readers } from './readers.ts';
import type { Select } from './select.ts';

/** A page ends early at about so many bytes. */
const PAGE_BYTES = 512 * 1024;
/** So much is read ahead of who asks: most readings are over before they are asked for, and hold nothing in the database while they wait. */
const AHEAD_BYTES = 8 * 1024 * 1024;
/** How long, ms, a reading that is not asked for its next page holds the database: what it sees keeps the write-ahead log from being emptied. */
const PATIENCE = 10_000;

export interface Wanted {
  readonly select: Select;
  /** Rows of a page, at most. */
  readonly page: number;
  readonly total: number | null;
}

export interface Around {
  /** Aborts also when the readers are closed. */
  readonly signal: AbortSignal;
  readonly readers: Readers;
  readonly clock: Clock;
}

/**
 * Reads in the transaction that the connection has begun, page by page, giving way between them, and gives the connection back when all is
 * read, when nobody wants more, or when nobody has asked for long.
 */
export function pagesOf(reader: Connection, wanted: Wanted, around: Around): AsyncIterable<RowPage> {
  const pages = new Pages(wanted, around);
  void pages.fill(reader);
  return pages;
}

class Pages implements AsyncIterable<RowPage> {
  readonly #wanted: Wanted;
  readonly #around: Around;
  readonly #ready: { readonly page: RowPage; readonly bytes: number }[] = [];
  #bytes = 0;
  #ended: { readonly error: unknown } | null = null;
  #left = false;
  #wake: () => void = () => {};

  constructor(wanted: Wanted, around: Around) {
    this.#wanted = wanted;
    this.#around = around;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RowPage, void, undefined> {
    try {
      for (;;) {
        const next = this.#ready.shift();
        if (next) {
          this.#bytes -= next.bytes;
          this.#wake();
          yield next.page;
        } else if (!this.#ended) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        } else if (this.#ended.error) {
          throw this.#ended.error;
        } else {
          return;
        }
      }
    } finally {
      this.#left = true;
      this.#wake();
    }
  }

  /** Never rejects: whoever iterates is told. */
  async fill(reader: Connection): Promise<void> {
    try {
      await this.#fill(reader);
      this.#ended = { error: null };
    } catch (error) {
      this.#ended = { error };
    }
    this.#around.readers.give(reader);
    this.#wake();
  }

  async #fill(reader: Connection): Promise<void> {
    const { select, page, total } = this.#wanted;
    const rows = reader.each(select.rows, ...select.params);
    let sent = 0;
    try {
      for (let next = rows.next(); !next.done;) {
        const images: Image[] = [];
        let bytes = 0;
        for (let seen = 0; !next.done && seen < page && bytes < PAGE_BYTES; seen++, next = rows.next()) {
          const image = select.image(next.value);
          if (select.also && !select.also(image)) continue;
          images.push(image);
          bytes += sizeOf(next.value);
        }
        const isFirst = sent === 0;
        sent += images.length;
        if (images.length > 0 || (next.done && sent > 0))
          this.#push({ rows: images, total: next.done ? sent : isFirst ? total : null }, bytes);
        if (!next.done) await this.#giveWay();
      }
    } finally {
      rows.return?.();
    }
  }

  #push(page: RowPage, bytes: number): void {
    this.#ready.push({ page, bytes });
    this.#bytes += bytes;
    this.#wake();
  }

  /** Lets others run, and waits while enough has been read ahead. @throws why nothing more is to be read. */
  async #giveWay(): Promise<void> {
    const { clock, signal } = this.#around;
    await new Promise<void>((resolve) => clock.soon(resolve));
    this.#goOn();
    if (this.#bytes <= AHEAD_BYTES) return;
    let late = false;
    const wake = (): void => this.#wake();
    const timer = clock.after(PATIENCE, () => {
      late = true;
      this.#wake();
    });
    signal.addEventListener('abort', wake);
    try {
      while (this.#bytes > AHEAD_BYTES / 2 && !late) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#goOn();
      }
    } finally {
      signal.removeEventListener('abort', wake);
      timer.cancel();
    }
    if (late)
      throw new RowcastError(
        'closed',
        `the reading was not asked for its next page for ${PATIENCE / 1_000} s: ask for them sooner, or for fewer rows`,
      );
  }

  #goOn(): void {
    this.#around.signal.throwIfAborted();
    if (this.#left) throw new RowcastError('closed', 'the reading was left before its end');
  }
}
