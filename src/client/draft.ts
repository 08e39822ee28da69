import { toWire, type Key } from '../protocol/index.ts';
import { onlyNew, type LiveStore, type StreamView } from './live-store.ts';
import type { Answer, AnyStream, BindingTypes, DataOf, Pk, Refusal, UpdateOf } from './types.ts';

/**
 * `loading`: its row is not here yet. `new`: there is none, saving makes one. `ready`: it is edited. `saving`: an answer is waited for, until there is
 * a connection if need be. `gone`: deleted, or no longer to be seen; what was edited is still there.
 */
export type DraftStatus = 'loading' | 'new' | 'ready' | 'saving' | 'gone';

export interface SaveOptions {
  /** Refused as `conflict` where a field that is sent is no longer what it was when it was touched, or {@link Draft.keep | kept}. */
  readonly ifMatch?: boolean | undefined;
}

/** A row in a form. Fields that nobody touches stay live; those that somebody touched keep what was put there until it is saved or given up. */
export interface Draft<T extends BindingTypes> {
  readonly values: Values<T>;
  /** What the server said is wrong, by field, until the field is touched again. */
  readonly errors: { readonly [F in keyof Values<T>]?: string };
  /** What touched fields have become meanwhile, by somebody else. */
  readonly theirs: Values<T>;
  /** A touched field is another than the row's. */
  readonly dirty: boolean;
  readonly status: DraftStatus;
  /** Why it was not saved, until a field is touched or it is tried again. */
  readonly refusal: Refusal | null;
  /** The row's key, once there is one. */
  readonly pk: Pk | null;
  set<F extends keyof UpdateOf<T> & string>(field: F, value: UpdateOf<T>[F]): void;
  /** Gives up what was put there: the field is live again. Without a field all of them, and a draft that made a row begins another. */
  reset(field?: keyof Values<T> & string): void;
  /** Has theirs instead. */
  take(field: keyof Values<T> & string): void;
  /** Stays with what was put there: theirs is not shown any more, and `ifMatch` asks for it. */
  keep(field: keyof Values<T> & string): void;
  /** Sends the touched fields, and no others. Those that the answer accepts are live again. One that is asked for while another is on its way waits for that. */
  save(options?: SaveOptions): Promise<Answer>;
}

export type Values<T extends BindingTypes> = Partial<DataOf<T>> & Partial<UpdateOf<T>>;

type Fields = Readonly<Record<string, unknown>>;

interface Touched {
  readonly value: unknown;
  /** What the row had when it was touched; nothing yet where there was no row. */
  base: { readonly of: unknown } | undefined;
}

/** A draft of one row of a view; without a key of a new one, whose row it then follows. */
export function draftOf<T extends BindingTypes>(stream: LiveStore<StreamView<T>>, pk: Pk | null | undefined): LiveStore<Draft<T>> {
  return draftStore(stream as never, pk ?? null) as never;
}

function draftStore(stream: LiveStore<StreamView<AnyStream>>, given: Pk | null): LiveStore<Draft<AnyStream>> {
  const touched = new Map<string, Touched>();
  const listeners = new Set<() => void>();
  let pk = given;
  let errors = new Map<string, string>();
  let refusal: Refusal | null = null;
  let saving: Promise<Answer> | null = null;
  /** What is on its way. */
  let sent: ReadonlyMap<string, Touched> = new Map();
  /** What was shown last, and what it was made from. */
  let shown: Draft<AnyStream> | null = null;
  let shownRow: Fields | undefined;

  const rowNow = (): Fields | undefined => (pk === null ? undefined : stream.getSnapshot().row(pk));
  const baseOf = (field: string, row = rowNow()): Touched['base'] => row && { of: row[field] };

  const statusNow = (row: Fields | undefined): DraftStatus => {
    if (saving) return 'saving';
    if (pk === null) return 'new';
    if (row) return 'ready';
    const { status } = stream.getSnapshot();
    return status === 'live' || status === 'failed' ? 'gone' : 'loading';
  };

  const getSnapshot = (): Draft<AnyStream> => {
    const row = rowNow();
    const status = statusNow(row);
    if (shown?.status === status && shownRow === row) return shown;
    const values: Record<string, unknown> = { ...row };
    const theirs: Record<string, unknown> = {};
    let dirty = false;
    for (const [field, mine] of touched) {
      const base = (mine.base ??= baseOf(field, row));
      values[field] = mine.value;
      if (row && same(row[field], mine.value)) continue;
      dirty = true;
      // What is on its way is seen in the row already, and is nobody else's.
      if (row && base && !same(row[field], base.of) && !same(row[field], sent.get(field)?.value)) theirs[field] = row[field];
    }
    shownRow = row;
    return (shown = {
      values,
      errors: Object.fromEntries(errors),
      theirs,
      dirty,
      status,
      refusal,
      pk,
      set,
      reset,
      take: reset,
      keep,
      save,
    });
  };

  const tell = (): void => {
    shown = null;
    for (const told of [...listeners]) told();
  };

  const forgive = (field: string): void => {
    errors.delete(field);
    refusal = null;
    tell();
  };

  const set = (field: string, value: unknown): void => {
    touched.set(field, { value, base: touched.get(field)?.base ?? baseOf(field) });
    forgive(field);
  };

  const reset = (field?: string): void => {
    if (field === undefined) {
      touched.clear();
      errors.clear();
      sent = new Map();
      pk = given;
    } else touched.delete(field);
    forgive(field as string);
  };

  const keep = (field: string): void => {
    const mine = touched.get(field);
    if (mine) mine.base = baseOf(field);
    tell();
  };

  const save = ({ ifMatch }: SaveOptions = {}): Promise<Answer> => {
    if (saving) return saving.then(() => save({ ifMatch }));
    if (pk !== null && touched.size === 0) return Promise.resolve({ ok: true, pk: toWire(pk) as Key });
    const all = (sent = new Map(touched));
    const data: Record<string, unknown> = {};
    const was: Record<string, unknown> = {};
    for (const [field, { value, base }] of all) {
      data[field] = value;
      was[field] = base?.of;
    }
    const view = stream.getSnapshot();
    refusal = null;
    saving = (pk === null ? view.create(data) : view.update(pk, data, ifMatch ? { ifMatch: was } : {})).then((answer) => {
      saving = null;
      // Else it was given up meanwhile, and this answers something that is no more.
      if (sent === all) answered(answer);
      tell();
      return answer;
    });
    tell();
    return saving;
  };

  const answered = (answer: Answer): void => {
    if (answer.ok) pk ??= answer.pk as Pk;
    else refusal = answer;
    errors = new Map(Object.entries(refusal?.fields ?? {}));
    for (const [field, was] of sent) {
      const mine = touched.get(field);
      // What was touched again while it was on its way is of now, not of then.
      if (mine !== was) errors.delete(field);
      if (!answer.ok) continue;
      if (mine === was) touched.delete(field);
      else if (mine) mine.base = baseOf(field);
    }
    sent = new Map();
  };

  const subscribe = (changed: () => void): (() => void) => {
    const look = onlyNew(getSnapshot, changed);
    listeners.add(look);
    const off = stream.subscribe(look);
    return () => {
      listeners.delete(look);
      off();
    };
  };

  return { key: stream.key + JSON.stringify(toWire(given)), subscribe, getSnapshot };
}

/** The values of a draft as an object that can be assigned to: a form's two-way bindings set its fields. */
export function formOf<T extends BindingTypes>(draft: () => Draft<T>): { -readonly [F in keyof Values<T>]: Values<T>[F] } {
  const values = (): Fields => draft().values as Fields;
  return new Proxy({} as Record<string, unknown>, {
    get: (_, field) => values()[field as string],
    set: (_, field, value) => (draft().set(field as never, value as never), true),
    ownKeys: () => Object.keys(values()),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  }) as never;
}

/** By value: dates, bytes and JSON are other objects each time. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(toWire(one)) === JSON.stringify(toWire(other));
}
