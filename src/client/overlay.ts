import type { Data, Key, Position, WriteBody } from '../protocol/index.ts';
import type { Op } from './collection.ts';
import { keyOf } from './rows.ts';
import type { Laid, Pending } from './queue.ts';
import { tell, type Subscription } from './subscription.ts';

/** Where a write is made. */
export interface Place {
  readonly view: Subscription;
  /** What a row that is made is called until the server gives it a key; left out: a key of our own. */
  readonly as?: Key | undefined;
}

/** Where views are. */
interface Views {
  /** The views of a stream that are looked at. */
  of(stream: string): readonly Subscription[];
}

/**
 * This client's own writes, in the views that show them: from when they are asked until the rows have them, or until they are refused. A write that makes a row shows in
 * the view it was made in, every other one wherever the row is.
 */
export class Overlay {
  readonly #views: Views;
  readonly #random: () => number;

  constructor(views: Views, random: () => number) {
    this.#views = views;
    this.#random = random;
  }

  /** How a write shows that is made in this view. */
  laid({ stream, action, pk, data = {} }: WriteBody, { view, as = this.#ownKey(view, data) }: Place, at: number): Laid {
    const creates = action === 'create';
    const op: Op = {
      pk: creates ? as : (pk as Key),
      data: action === 'delete' ? null : data,
      creates,
      position: null,
    };
    return { op, stream, view: creates ? view.name : null, at };
  }

  /** As the write says it; a part that the server gives is one that no row will have. */
  #ownKey({ rows }: Subscription, data: Data): Key {
    const { key } = rows.form;
    const parts = key.map(
      ([name, [, shape]]) => data[name] ?? (shape === 'number' || shape === 'bigint' ? -this.#far() : `~${this.#far()}`),
    );
    return parts.length > 1 ? parts : (parts[0] ?? `~${this.#far()}`);
  }

  /** Far from every number that a database counts up to. */
  #far(): number {
    return 2 ** 52 + Math.floor(this.#random() * 2 ** 52);
  }

  show({ laid }: Pick<Pending, 'laid'>): void {
    this.#each(laid, (view, { op }) => view.rows.lay(op));
  }

  /** They are undone. */
  hide({ laid }: Pick<Pending, 'laid'>): void {
    this.#each(laid, (view, { op }) => view.rows.lift(op));
  }

  /** The rows have them from a position on. */
  settle({ laid }: Pick<Pending, 'laid'>, position: Position): void {
    for (const { op } of laid) op.position = position;
    // Where they have come there already, nothing else may come for long.
    this.#each(laid, (view) => view.settled());
  }

  /** A row has got its key. */
  rekey(pendings: readonly Pending[], row: { readonly stream: string; readonly pk: Key }, key: Key): void {
    const laid = pendings.flatMap((each) => each.laid).filter(({ stream, op }) => stream === row.stream && keyOf(op.pk) === keyOf(row.pk));
    this.#each(laid, (view, { op }) => view.rows.lift(op), false);
    for (const { op } of laid) op.pk = key;
    this.#each(laid, (view, { op }) => view.rows.lay(op));
  }

  /** A view that is new here. */
  join(view: Subscription, pendings: readonly Pending[]): void {
    for (const { laid } of pendings) for (const each of laid) if (fits(view, each)) view.rows.lay(each.op);
  }

  #each(laid: readonly Laid[], act: (view: Subscription, each: Laid) => void, told = true): void {
    const touched = new Set<Subscription>();
    for (const each of laid) {
      for (const view of this.#views.of(each.stream)) {
        if (!fits(view, each)) continue;
        act(view, each);
        touched.add(view);
      }
    }
    if (told) tell(touched, { merged: false, local: true });
  }
}

function fits({ name, stream }: Subscription, laid: Laid): boolean {
  return stream === laid.stream && (laid.view === null || laid.view === name);
}
