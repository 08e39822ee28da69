import type { Answer, Refusal } from '../../src/client/index.ts';
import type { Truth } from './truth.ts';

/** A row as the page may speak of it: by a key of its own while it is made, by the table's key from then on. */
export class Target {
  readonly keys = new Set<string>();
  /** The text of the write that makes it. */
  readonly made: string | undefined;

  constructor(from: { readonly key: string } | { readonly made: string }) {
    if ('key' in from) this.keys.add(from.key);
    else this.made = from.made;
  }

  /** The same for every key that it has had. */
  name(truth: Truth): string {
    if (this.made === undefined) return [...this.keys][0] as string;
    return truth.keyOf(this.made) ?? `made by ${this.made}`;
  }
}

/** `write`: by itself. `batch` and `call`: with others, all or none. `app`: by a way of the app's own. */
export type Way = 'write' | 'batch' | 'call' | 'app';

/** One write of the page's own, and what it knows of it. Times are counted by what happens to the page. */
export class OwnWrite {
  readonly action: 'create' | 'update' | 'delete';
  readonly target: Target;
  readonly data: Readonly<Record<string, string>>;
  readonly way: Way;
  readonly asked: number;
  /** Those that are done or refused with it, itself among them; a write that gathers edits has all of these. */
  together: readonly OwnWrite[];
  /** It was sent by a connection that was lost before the answer came, and then again. */
  again = false;
  /** Where the answer said that it is; undefined: there is none yet, or it does not say. */
  told: { readonly at: number; readonly position: string } | undefined;
  /** When it was heard that it is refused. */
  refused = Infinity;
  /** When it was heard that a row which it rests on is not made: from then on it may be gone, and as soon as that is dealt with it is refused. */
  falls = Infinity;
  answer: Answer | Refusal | undefined;

  constructor(about: Pick<OwnWrite, 'action' | 'target' | 'data' | 'way' | 'asked'>, together?: readonly OwnWrite[]) {
    this.action = about.action;
    this.target = about.target;
    this.data = about.data;
    this.way = about.way;
    this.asked = about.asked;
    this.together = together ?? [this];
  }

  /** What the database writes down when it is done: of edits that were gathered, the last one of each field. */
  get texts(): readonly string[] {
    return Object.values(this.way === 'write' ? Object.assign({}, ...this.together.map(({ data }) => data)) : this.data);
  }

  /**
   * Whether the page must know that the table has it, as of this position. Of one whose answer was lost nobody has told it: it learns so from the second
   * answer, whose position is a later one.
   */
  isIn(truth: Truth, position: string, at: number): boolean {
    const { again, told, action } = this;
    // That a row is gone does not say who deleted it: where it was somebody else, this lies on top of what the page still makes of the row.
    if ((again || action === 'delete') && !(told && told.at <= at && told.position <= position)) return false;
    if (action === 'delete') return true;
    return this.texts.some((text) => truth.has(text, position));
  }
}
