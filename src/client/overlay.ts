import type { Data, Key, Position } from '../protocol/index.ts';
import type { Collection, Layer } from './collection.ts';
import type { Pending } from './pending.ts';
import { Entry, keyOf } from './rows.ts';
import { tell, type Subscription } from './subscription.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Made } from './writes.ts';

/** What a write that is not in the rows yet does to one of them. Plain data: it may be kept. */
export interface Op {
  /** Null: a delete. */
  readonly data: Data | null;
  /** The row is made by it: where there is one already, that is it. */
  readonly creates: boolean;
  /** The row it is about; one that is made has a key of its own until the server gives it another. */
  pk: Key;
  /** Where the rows have what it does; null: nobody knows yet; `''`: in those that come next. */
  position: Position | null;
}

/** A write as it shows in a view: in one alone where it makes a row, else wherever the row is. */
export interface Laid {
  readonly op: Op;
  readonly stream: string;
  readonly view: string | null;
  /** Which of the answer's keys is the row's. */
  readonly at: number;
}

/** What lies on one row, and what that makes of what the server told of it. */
interface Fold {
  /** Of a row that is made here: after all that the server told. */
  readonly place: number;
  readonly ops: readonly Op[];
  /** What it was made of; null: it is not made yet. */
  told?: Entry | undefined | null;
  shown?: Entry | undefined;
}

/** This client's own writes on the rows of one view. */
export class OwnLayer implements Layer {
  readonly #rows: Collection;
  readonly #folds = new Map<string, Fold>();
  #came = 2 ** 52;

  constructor(rows: Collection) {
    this.#rows = rows;
  }

  get keys(): Iterable<string> {
    return this.#folds.keys();
  }

  over(key: string, told: Entry | undefined): Entry | undefined {
    const fold = this.#folds.get(key);
    if (!fold) return told;
    if (fold.told !== told) {
      fold.told = fold.shown = told;
      for (const { creates, pk, data } of fold.ops) {
        if (!data) fold.shown = undefined;
        else if (!creates) fold.shown = fold.shown?.with(data);
        else fold.shown ??= new Entry(pk, data, this.#rows.form, true).at(told?.place ?? fold.place);
      }
    }
    return fold.shown;
  }

  reach(position: Position = LAST, now = true): void {
    for (const { ops } of [...this.#folds.values()])
      for (const op of ops) if (op.position !== null && op.position <= position && (now || op.position !== '')) this.lift(op);
  }

  renew(): void {
    for (const [key, fold] of this.#folds) {
      this.#rows.note(key);
      fold.told = null;
    }
  }

  /** A write is made. */
  lay(op: Op): void {
    const ops = this.#opsOf(op);
    if (!ops.includes(op)) this.#put(op, [...ops, op]);
  }

  /** It is undone, or the rows have it. */
  lift(op: Op): void {
    const ops = this.#opsOf(op);
    if (ops.includes(op))
      this.#put(
        op,
        ops.filter((each) => each !== op),
      );
  }

  #opsOf({ pk }: Op): readonly Op[] {
    return this.#folds.get(keyOf(pk))?.ops ?? [];
  }

  #put({ pk }: Op, ops: readonly Op[]): void {
    const key = keyOf(pk);
    this.#rows.note(key);
    if (ops.length > 0) this.#folds.set(key, { ops, told: null, place: this.#folds.get(key)?.place ?? ++this.#came });
    else this.#folds.delete(key);
  }
}

/** After every position there is. */
const LAST: Position = '~';

/**
 * This client's own writes, in the views that show them: from when they are asked until the rows have them, or until they are refused. A write that makes a row shows in
 * the view it was made in, every other one wherever the row is.
 */
export class Overlay {
  readonly #views: Subscriptions;
  readonly #random: () => number;

  constructor(views: Subscriptions, random: () => number) {
    this.#views = views;
    this.#random = random;
  }

  /** A view that is new here. */
  join(view: Subscription, pendings: readonly Pending[]): void {
    view.rows.layer ??= new OwnLayer(view.rows);
    for (const { laid } of pendings) for (const each of laid) if (fits(view, each)) layerOf(view).lay(each.op);
  }

  /** How a write shows. */
  laid({ body, view, as }: Made, at: number): Laid {
    const { stream, action, pk, params } = body;
    const creates = action === 'create';
    // A row that is made in a view is one of it: the server gives it what the params say.
    const data = { ...(creates && params), ...body.data };
    const key = creates ? (as ?? this.#ownKey(view, data)) : (pk as Key);
    const op: Op = { pk: key, data: action === 'delete' ? null : data, creates, position: null };
    return { op, stream, view: creates ? view.name : null, at };
  }

  show(laid: readonly Laid[]): void {
    this.#each(laid, (view, op) => layerOf(view).lay(op));
  }

  /** They are undone. */
  hide(laid: readonly Laid[]): void {
    this.#each(laid, (view, op) => layerOf(view).lift(op));
  }

  /** The rows have them from a position on. */
  settle(laid: readonly Laid[], position: Position): void {
    for (const { op } of laid) op.position = position;
    this.#each(laid, (view) => {
      // Where they have come there already, nothing else may come for long; where none will come, ever.
      if (view.state === 'live') view.reaches('');
      else if (view.state === 'failed') view.rows.clear();
    });
  }

  /** A row has got its key. */
  rekey(pendings: readonly Pending[], row: { readonly stream: string; readonly pk: Key }, key: Key): void {
    const laid = pendings.flatMap((each) => each.laid).filter(({ stream, op }) => stream === row.stream && keyOf(op.pk) === keyOf(row.pk));
    const touched = this.#do(laid, (view, op) => layerOf(view).lift(op));
    for (const { op } of laid) op.pk = key;
    this.#do(laid, (view, op) => layerOf(view).lay(op));
    tellOwn(touched);
  }

  #each(laid: readonly Laid[], act: (view: Subscription, op: Op) => void): void {
    tellOwn(this.#do(laid, act));
  }

  #do(laid: readonly Laid[], act: (view: Subscription, op: Op) => void): readonly Subscription[] {
    const touched = new Set<Subscription>();
    for (const each of laid) {
      for (const view of this.#views.of(each.stream)) {
        if (!fits(view, each)) continue;
        act(view, each.op);
        touched.add(view);
      }
    }
    return [...touched];
  }

  /** As the write says it; a part that the server gives is one that no row will have. */
  #ownKey({ rows }: Subscription, data: Data): Key {
    const parts = rows.form.key.map(([name, [, shape]]) => data[name] ?? this.#far(shape === 'number' || shape === 'bigint'));
    return parts.length > 1 ? parts : (parts[0] ?? this.#far(false));
  }

  /** Far from every number that a database counts up to. */
  #far(number: boolean): Key {
    const far = 2 ** 52 + Math.floor(this.#random() * 2 ** 52);
    return number ? -far : `~${far}`;
  }
}

const tellOwn = (views: readonly Subscription[]): void => tell(views, { merged: false, local: true });

const layerOf = ({ rows }: Subscription): OwnLayer => rows.layer as OwnLayer;

function fits({ name, stream }: Subscription, laid: Laid): boolean {
  return stream === laid.stream && (laid.view === null || laid.view === name);
}
