import type { Key } from '../protocol/index.ts';
import type { Keeping } from './keeping.ts';
import type { Link } from './link.ts';
import { Overlay, type Laid } from './overlay.ts';
import { Pending, type Body, type Outcome, type Says } from './pending.ts';
import { keyOf } from './rows.ts';
import type { Subscription } from './subscription.ts';
import type { Made, OwnWrites, Writes } from './writes.ts';

/** A receipt that does not come, for its transaction left none, or its connection is gone: 5 s. */
const RECEIPT = 5_000;

interface ShownParts {
  readonly link: Link;
  readonly writes: Writes;
  readonly keeping: Keeping | undefined;
  /** Milliseconds for which updates of one row are gathered into one write; 0: not at all. */
  readonly coalesce: number;
  /** Something is asked for. */
  begin(): void;
  /** Whoever looks is told what is pending. */
  changed(): void;
}

/**
 * Own writes that show from when they are made. A row that is made has a key of our own until the server gives it one: what is asked of it meanwhile waits
 * for that, and is asked of the row, or of nothing.
 */
export class ShownWrites implements OwnWrites {
  readonly #parts: ShownParts;
  readonly #overlay: Overlay;
  /** Rows that are being made, and the keys that those have got which were: by the key of our own. */
  readonly #making = new Set<string>();
  readonly #keys = new Map<string, Key>();
  /** Waits until what was sent before is known. */
  #then: (() => void) | undefined;

  constructor(parts: ShownParts) {
    this.#parts = parts;
    this.#overlay = new Overlay(parts.link.subscriptions, parts.link.random);
  }

  /** A view is new here. */
  join(view: Subscription): void {
    this.#overlay.join(view, this.#parts.writes.shown);
  }

  keyOf(stream: string, pk: Key): Key {
    return this.#keys.get(nameOf(stream, pk)) ?? pk;
  }

  gathered(made: Made): Promise<Outcome> | undefined {
    const { body } = made;
    const last = this.#parts.writes.waiting.at(-1);
    if (!last?.held || !isEdit(body) || !isOf(last.says as Body, nameOf(body.stream, body.pk as Key))) return undefined;
    const laid = this.#overlay.laid(made, 0);
    last.says = { ...last.says, data: { ...last.says.data, ...body.data } };
    last.laid = [...last.laid, laid];
    this.#parts.keeping?.keep(last);
    this.#overlay.show([laid]);
    return last.done;
  }

  asked(pending: Pending, made: readonly Made[]): void {
    const { link, writes, keeping, coalesce, begin } = this.#parts;
    begin();
    const { says } = pending;
    if (coalesce > 0 && says.type === 'write' && isEdit(says as Body))
      pending.held = link.clock.after(coalesce, () => {
        pending.held = undefined;
        writes.pump();
      });
    pending.made = link.clock.now();
    pending.laid = this.#laid(made);
    this.adopted(pending);
    keeping?.keep(pending);
    this.#overlay.show(pending.laid);
  }

  /** Rows are made by it. */
  adopted({ laid }: Pending): void {
    for (const { op, stream } of laid) if (op.creates) this.#making.add(nameOf(stream, op.pk));
  }

  holds({ held, says }: Pending): boolean {
    return held !== undefined || bodiesOf(says).some(({ stream, pk }) => pk !== undefined && this.#making.has(nameOf(stream, pk)));
  }

  known(then: () => void): void {
    this.#then = then;
    this.#goOn();
  }

  sent(pending: Pending): void {
    if (pending.asked !== null) return;
    pending.asked = this.#parts.link.clock.now();
    this.#parts.keeping?.keep(pending);
  }

  answered(pending: Pending): void {
    const { laid, outcome } = pending;
    const keys = outcome && 'pks' in outcome ? outcome.pks : outcome && 'pk' in outcome ? [outcome.pk] : [];
    for (const { op, stream, at } of laid) if (op.creates) this.#keyed(stream, op.pk, keys[at] ?? null);
    // What waited for its key is kept under that by now: a page may end between the two.
    this.#parts.keeping?.drop(pending);
  }

  settled({ laid, outcome, position }: Pending): void {
    if (outcome && !outcome.ok) this.#overlay.hide(laid);
    else if (position !== null) this.#overlay.settle(laid, position);
  }

  changed(): void {
    this.#goOn();
    this.#parts.changed();
  }

  async follow<R>(made: Made, run: (receipt: string) => Promise<R>): Promise<R> {
    const { link, writes, begin } = this.#parts;
    begin();
    const pending = new Pending(link.id(), { type: 'write', ...made.body });
    pending.laid = this.#laid([made]);
    writes.watch(pending);
    this.#overlay.show(pending.laid);
    const undo = (): void => {
      writes.forget(pending);
      this.#overlay.hide(pending.laid);
    };
    try {
      const result = await run(`${link.name}.${pending.id}`);
      // `fetch` resolves to what the server refused as well.
      if ((result as { readonly ok?: unknown } | null | undefined)?.ok === false) {
        undo();
        return result;
      }
      pending.outcome = { ok: true, pk: null };
      link.clock.after(RECEIPT, () => pending.position === null && writes.settle(pending, ''));
      return result;
    } catch (error) {
      undo();
      throw error;
    }
  }

  #goOn(): void {
    if (this.#parts.writes.waiting.some(({ again, laid }) => again && laid.some(({ op }) => op.creates))) return;
    const then = this.#then;
    this.#then = undefined;
    then?.();
  }

  #laid(made: readonly Made[]): readonly Laid[] {
    return made.map((each, at) => this.#overlay.laid(each, at));
  }

  /** What was asked of a row in the making is asked of the row, or of nothing. */
  #keyed(stream: string, pk: Key, key: Key | null): void {
    const { writes, keeping } = this.#parts;
    const name = nameOf(stream, pk);
    if (key !== null) {
      this.#keys.set(name, key);
      this.#overlay.rekey(writes.shown, { stream, pk }, key);
    }
    for (const each of [...writes.waiting]) {
      const { says } = each;
      const bodies = bodiesOf(says);
      if (!bodies.some((body) => isOf(body, name))) continue;
      if (key === null) writes.answer(each, { ok: false, code: 'not_found', message: 'the row was not created' });
      else if (nameOf(stream, key) !== name) {
        const named = bodies.map((body) => (isOf(body, name) ? { ...body, pk: key } : body));
        each.says = says.writes ? { ...says, writes: named } : { ...says, ...named[0] };
        keeping?.keep(each);
      }
    }
    // Now: what goes on when one of them is refused sends what is not held back, and the next may be one of them.
    this.#making.delete(name);
  }
}

const bodiesOf = (says: Says): readonly Body[] => says.writes ?? [says as Body];

const nameOf = (stream: string, pk: Key): string => `${stream} ${keyOf(pk)}`;

const isOf = ({ stream, pk }: Body, name: string): boolean => pk !== undefined && nameOf(stream, pk) === name;

const isEdit = ({ action, if: match }: Body): boolean => action === 'update' && !match;
