import type { Snapshot } from '../../core/index.ts';
import type { AnswerCode } from '../../protocol/index.ts';
import type { View } from '../fan-out/audience.ts';
import type { Item } from '../fan-out/tick.ts';
import type { RowText } from '../fan-out/wire.ts';

/** Text of one frame. */
const PAGE_BYTES = 48 * 1024;

interface Page {
  readonly rows: readonly RowText[];
  readonly count: number;
  readonly total: number | null;
}

/** Who waits for rows. */
export interface Waiting {
  /** There is more. */
  pump(): void;
}

/** Rows that are being read, or were: for any number of subscriptions, each at its own pace. */
export class Load {
  state: 'reading' | 'read' | 'refused' = 'reading';
  bytes = 0;
  /** Why it was refused. */
  code: AnswerCode = 'internal';
  message = '';
  /** How often it was begun anew: what was taken of it before is worth nothing. */
  round = 0;
  #snapshot: Snapshot | null = null;
  #pages: Page[] = [];
  readonly #items = new Map<View, Item[]>();
  readonly #waiting = new Set<Waiting>();
  readonly #abandon = new AbortController();
  readonly #forget: () => void;
  #count = 0;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  get abandoned(): AbortSignal {
    return this.#abandon.signal;
  }

  /** The moment its pages are of; null: they are not to be shown yet. */
  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  get pages(): number {
    return this.#pages.length;
  }

  wait(who: Waiting): void {
    this.#waiting.add(who);
  }

  /** Nobody waits any more: it need not be read. */
  leave(who: Waiting): void {
    this.#waiting.delete(who);
    if (this.#waiting.size > 0 || this.state !== 'reading') return;
    this.#forget();
    this.abandon();
  }

  abandon(): void {
    this.#abandon.abort();
  }

  /** The same object for everybody of the view: its bytes are made once. */
  item(view: View, page: number): Item {
    let items = this.#items.get(view);
    if (!items) this.#items.set(view, (items = []));
    return (items[page] ??= { position: null, page: { view, ...(this.#pages[page] as Page) } });
  }

  begin(): void {
    if (this.#pages.length > 0) this.round++;
    this.#snapshot = null;
    this.#pages = [];
    this.#items.clear();
    this.#count = this.bytes = 0;
  }

  reached(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#tell();
  }

  add(rows: readonly RowText[], total: number | null): void {
    let page: RowText[] = [];
    let size = 0;
    for (const row of rows) {
      page.push(row);
      size += row.key.length + row.fields.length;
      if (size < PAGE_BYTES) continue;
      this.#page(page, size, total);
      page = [];
      size = 0;
    }
    if (page.length > 0) this.#page(page, size, total);
    this.#tell();
  }

  end(): void {
    this.state = 'read';
    this.#tell();
  }

  refuse(code: AnswerCode, message: string): void {
    this.code = code;
    this.message = message;
    this.state = 'refused';
    this.#tell();
  }

  #page(rows: readonly RowText[], size: number, total: number | null): void {
    this.#count += rows.length;
    this.bytes += size;
    this.#pages.push({ rows, count: this.#count, total });
  }

  #tell(): void {
    for (const who of [...this.#waiting]) who.pump();
  }
}
