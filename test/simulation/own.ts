import type { Answer } from '../../src/client/index.ts';
import type { Position } from '../../src/core/index.ts';
import type { ClientFrame, ServerFrame } from '../../src/protocol/index.ts';
import type { StreamName } from './app.ts';
import type { Expected } from './history.ts';

/** A write of this page, until the rows have it. */
export interface Own {
  readonly stream: StreamName;
  readonly action: 'create' | 'update' | 'delete';
  /** The text of the row's key, one of the page's own while the row is made; null: this makes it. */
  readonly key: string | null;
  readonly title: string;
}

interface Open extends Omit<Own, 'key'> {
  key: string | null;
  id: number | null;
  /** It was done. */
  done: boolean;
  /** Where the rows have it; null: nobody has said so yet. */
  position: Position | null;
}

/** What a page has asked for: its rows may show it before the table has it, and not a moment longer than until they have it themselves. */
export class OwnWrites {
  #open: Open[] = [];
  #epoch = '';
  /** The last number: what comes with it or with one before is asked again. */
  #sent = 0;

  asked(own: Own): void {
    this.#open.push({ ...own, id: null, done: false, position: null });
  }

  answered({ title }: Own, { ok }: Answer): void {
    if (!ok) this.#open = this.#open.filter((each) => each.title !== title);
  }

  sent(frame: ClientFrame): void {
    if (frame.type !== 'write' || frame.id <= this.#sent) return;
    this.#sent = frame.id;
    const { id, action, stream, data, pk } = frame;
    const open = this.#open.find((each) => {
      if (each.id !== null || each.action !== action || each.stream !== stream) return false;
      return action === 'delete' || each.title === data?.['title'];
    });
    if (!open) return;
    open.id = id;
    if (pk !== undefined) open.key = JSON.stringify(pk);
  }

  taken(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        // Positions count from somewhere else.
        if (frame.epoch !== this.#epoch) for (const each of this.#open) if (each.done) each.position = '';
        this.#epoch = frame.epoch;
        return;
      case 'result':
        if (!frame.ok) this.#open = this.#open.filter(({ id }) => id !== frame.id);
        for (const each of this.#open)
          if (each.id === frame.id) Object.assign(each, { done: true, position: frame.ok && (frame.position ?? null) });
        return;
      case 'seen':
        for (const each of this.#open) if (each.id === frame.id) each.position = frame.position;
        return;
      default:
        return;
    }
  }

  /** What was said to be done is in the rows that come next. */
  lost(): void {
    for (const each of this.#open) if (each.done) each.position ??= '';
  }

  /** The rows as they are without what may be shown of them before the table has it, at a position. */
  without(
    rows: ReadonlyMap<string, string>,
    expected: Expected,
    { stream, position }: { stream: StreamName; position: Position },
  ): Expected {
    const open = this.#open.filter((each) => each.stream === stream && (each.position === null || each.position > position));
    if (open.length === 0) return rows;
    const titles = new Set(open.filter(({ action }) => action !== 'delete').map(({ title }) => title));
    const makes = open.some(({ action }) => action === 'create');
    const gone = new Set(open.filter(({ action }) => action === 'delete').map(({ key }) => key));
    const rest = new Map(rows);
    for (const [key, text] of rows) {
      const row = JSON.parse(text) as { readonly title: string };
      if (!titles.has(row.title)) continue;
      const told = expected.get(key);
      if (told === undefined && makes) rest.delete(key);
      else if (told !== undefined && JSON.stringify({ ...(JSON.parse(told) as object), title: row.title }) === text) rest.set(key, told);
    }
    // A row that has its key by now, and was to go when it had none, can be any.
    const any = [...gone].some((key) => key?.startsWith('"~'));
    for (const [key, text] of expected) if (!rest.has(key) && (any || gone.has(key))) rest.set(key, text);
    return rest;
  }
}
