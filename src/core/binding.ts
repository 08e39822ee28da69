import { createHash } from 'node:crypto';
import type { Action, Key } from '../protocol/index.ts';
import { RowcastError } from './errors.ts';
import { ColumnGroup, groupName, type GroupBy } from './groups.ts';
import { Membership, type MemberRole } from './membership.ts';
import type { Model, Row, Validators } from './model.ts';

/** At once, or by promise. */
export type Maybe<T> = T | Promise<T>;
type Name<R> = Extract<keyof R, string>;

/** What `hasPermission` may look at: the row as it stands, locked (null for a create), and the values to be written (empty for a delete). */
export interface Judged<R, I> {
  readonly before: R | null;
  readonly data: Partial<I>;
}

/** What a hook that replaces one step gets. `tx` is the app's own Drizzle transaction; `after` runs once it has committed, never otherwise. */
export interface HookContext<R, I, User, Tx> {
  readonly tx: Tx;
  /** The row's key; null for a create. */
  readonly pk: Key | null;
  readonly data: Partial<I>;
  readonly before: R | null;
  readonly user: User;
  after(then: () => void | Promise<void>): void;
}

/** Which columns leave the server: `fields` or `exclude`, one of them. */
type Whitelist<F extends string, E extends string> =
  | {
      /** The fields that leave the server, or `'__all__'` for every column the model has in code. This or `exclude` is mandatory. */
      readonly fields: readonly F[] | '__all__';
      readonly exclude?: never;
    }
  | {
      /** All of the model's columns but these. */
      readonly exclude: readonly E[];
      readonly fields?: never;
    };

/** Who sees a row, and who may ask to. */
type Audience<R, P extends string, User> =
  | {
      /** The groups that may see a row, from the row alone; or `groupBy(…)`. Synchronous: a look-up would see another moment. */
      readonly groupNames: (row: R) => readonly string[];
      readonly canSubscribe?: never;
      /**
       * Which rows may be in a group, as the ORM's own condition (Drizzle: `eq(post.public, true)`); null: none. It may find more than the
       * group has, never less: each row is still asked for its groups. Left out: all rows are read, which is refused over 10,000.
       */
      where?(group: string): object | null;
    }
  | {
      readonly groupNames: GroupBy<P>;
      /**
       * May this user ask for the group of these params? Or a {@link Membership}: its members, and they hold their groups from the start.
       * Left out: nobody may ask for more than `connectionGroups`.
       */
      readonly canSubscribe?: Asking<User, Pick<R, P & keyof R>>['ask'] | Membership;
      readonly where?: never;
    };

/** As a method, so that a binding of one user's type is one of any. */
interface Asking<User, Params> {
  ask(user: User, params: Params): Maybe<boolean>;
}

interface Permitting<R, I, User> {
  permit(user: User, action: Action, pk: Key | null, judged: Judged<R, I>): Maybe<boolean>;
}

interface Behaviour<R, I, W extends string, User, Tx> {
  /** The fields a client may write, create included. Default: `fields` less the key, generated columns and `groupBy` columns. */
  readonly writable?: readonly W[];
  /** May this user do this to this row? Or members of a role. Left out: read-only. A throw is a no. `pk` is null for a create. */
  readonly hasPermission?: Permitting<R, I, User>['permit'] | MemberRole;
  /** Anything that changes what the binding's functions say and is not in them: clients that come back read again when it differs. */
  readonly version?: string | number;
  /** What clients may not set and the server fills in on their writes. Wins over what they sent. */
  stamp?(user: User, action: 'create' | 'update'): Partial<I>;
  /** Validators by Standard Schema: drizzle-zod's `createInsertSchema(table)` and `createUpdateSchema(table)` work as they are. */
  readonly validate?: Validators;
  /** The row's fields as they go out, in place of `fields`' own values: what it leaves out stays here. Null: the row is in no group. */
  serialize?(row: R): Readonly<Record<string, unknown>> | null;
  /** What a client sent, as it came, turned into the fields it stands for: those must be `writable`. */
  deserialize?(data: Readonly<Record<string, unknown>>, action: 'create' | 'update'): Readonly<Record<string, unknown>>;
  /** In place of the insert. Gives the new row's key. */
  create?(context: HookContext<R, I, User, Tx>): Maybe<Key>;
  update?(context: HookContext<R, I, User, Tx>): Maybe<void>;
  delete?(context: HookContext<R, I, User, Tx>): Maybe<void>;
}

/**
 * What a binding says. Everything left out is the safe choice: no `hasPermission`, no writes; no `canSubscribe`, no asking. `R` is the row,
 * `I` what an insert takes, `F` the fields, `E` those excluded, `P` the columns of `groupBy` and `W` the writable ones.
 */
export type BindingOptions<R, I, F extends string, E extends string, P extends string, W extends string, User, Tx> = Whitelist<F, E> &
  Audience<R, P, User> &
  Behaviour<R, I, W, User, Tx>;

/** What a client's types are made from. Never a value. */
export interface BindingTypes {
  readonly row: object;
  readonly fields: string;
  readonly writable: string;
  readonly params: string;
  readonly insert: object;
  /** The key's columns, as far as the model's type tells them. */
  readonly key: string;
  readonly user: unknown;
}

/** The options of any binding: hooks are methods, so a typed binding is one of these. */
export type AnyOptions = BindingOptions<Row, Row, string, string, string, string, unknown, unknown>;

/** A model, who sees its rows, and who may write them. Plain data and functions: it names no database and no connection. */
export interface Binding<T extends BindingTypes = BindingTypes> {
  readonly model: Model;
  readonly options: AnyOptions;
  /** The whitelist, resolved. */
  readonly fields: readonly string[];
  readonly writable: readonly string[];
  /** Null when `groupNames` is a function. */
  readonly groupBy: readonly string[] | null;
  /** Those that say who sees or writes its rows. */
  readonly memberships: readonly Membership[];
  /** Sets the groups of `groupBy` apart from those of other bindings of the table. */
  readonly audience: string;
  /** The group of these params, for `connectionGroups`. @throws {RowcastError} `binding_invalid` when the binding has no `groupBy`. */
  group(params: { readonly [K in T['params']]: K extends keyof T['row'] ? T['row'][K] : unknown }): ColumnGroup;
  readonly types?: T;
}

export type BindingMaker<User, Tx> = <
  R extends object,
  I extends object,
  const E extends Name<R> = never,
  const F extends Name<R> = Exclude<Name<R>, E>,
  const P extends Name<R> = never,
  const W extends Name<R> = Exclude<F, P>,
  K extends string = string,
>(
  model: Model<R, I, K>,
  options: BindingOptions<R, I, F, E, P, W, User, Tx>,
) => Binding<{ row: R; fields: F; writable: W; params: P; insert: I; key: string extends K ? never : K; user: User }>;

/**
 * Begins a binding; `User` is what `authenticate` gives and every hook gets, `Tx` the app's own Drizzle transaction (`typeof db`).
 *
 * @example
 * ```ts
 * const binding = bindingFor<User>()
 * export const posts = binding(drizzle(post), {
 *   fields: ['blogId', 'title', 'body'],
 *   groupNames: groupBy('blogId'),
 *   hasPermission: (user) => user.role === 'editor',
 * })
 * ```
 * @throws {RowcastError} `binding_invalid`, naming the cure, when a name is unknown or something mandatory is left out.
 */
export function bindingFor<User = null, Tx = unknown>(): BindingMaker<User, Tx> {
  return (model, options) => define(model as unknown as Model, options as unknown as AnyOptions) as never;
}

function define(model: Model, options: AnyOptions): Binding {
  const refuse = (why: string): never => {
    throw new RowcastError('binding_invalid', `the binding of "${model.table.name}": ${why}`);
  };
  const names = model.columns.map((column) => column.name);
  const known = (option: string, listed: readonly string[]): readonly string[] => {
    const unknown = listed.find((name) => !names.includes(name));
    if (unknown !== undefined) refuse(`${option} names "${unknown}", which is no column of the model; it has ${names.join(', ')}`);
    return [...new Set(listed)];
  };
  if (model.key.length === 0) refuse('the table has no primary key; give it one: a row without a key cannot be told from another');
  if (options.fields === undefined && options.exclude === undefined) {
    refuse("set `fields` to what clients may see, or `exclude`, or `fields: '__all__'`");
  }
  if (options.fields !== undefined && options.exclude !== undefined) refuse('set either `fields` or `exclude`, not both');
  const by = typeof options.groupNames === 'function' ? null : (options.groupNames?.groupBy ?? refuse('set `groupNames`: who sees a row'));
  if (by?.length === 0) refuse('`groupBy()` names no column; name at least one');
  if (by) known('groupBy', by);
  if (options.canSubscribe && !by) refuse('`canSubscribe` needs `groupNames: groupBy(…)`: there is nothing else to ask for');
  const memberships = [
    ...(options.canSubscribe instanceof Membership ? [options.canSubscribe] : []),
    ...(typeof options.hasPermission === 'object' ? [options.hasPermission.membership] : []),
  ];
  for (const { match } of memberships) {
    if (match.length !== by?.length) {
      refuse(`the membership matches ${match.join(', ')}, and the rows are grouped by ${by?.join(', ') ?? 'a function'}: one for each`);
    }
  }
  const fields = resolveFields(options, names, known);
  const audience = audienceOf(model, options, fields);
  return {
    model,
    options,
    fields,
    writable: options.writable ? writableOf(model, known('writable', options.writable), refuse) : defaultWritable(model, fields, by ?? []),
    groupBy: by,
    memberships,
    audience,
    group(params) {
      if (!by) return refuse('`group()` needs `groupNames: groupBy(…)`');
      const values = params as Readonly<Record<string, unknown>>;
      const named = by.map((column) => values[column]);
      const name = groupName(audience, by, named);
      return name !== null ? new ColumnGroup(name, audience, named) : refuse(`group() needs a value for each of ${by.join(', ')}`);
    },
  };
}

/**
 * Who may hear the binding, apart from every other binding of the table: being in the group of one must not open another that shows more.
 * The same in every process that runs the same code.
 */
function audienceOf(model: Model, { serialize, canSubscribe }: AnyOptions, fields: readonly string[]): string {
  const asked = canSubscribe instanceof Membership ? canSubscribe.name : String(canSubscribe);
  const shown = [fields.toSorted(), String(serialize), asked];
  return `${model.name}#${createHash('sha256').update(JSON.stringify(shown)).digest('base64url').slice(0, 12)}`;
}

function resolveFields(
  { fields, exclude }: AnyOptions,
  names: readonly string[],
  known: (option: string, listed: readonly string[]) => readonly string[],
): readonly string[] {
  if (fields === '__all__' || (fields?.length === 1 && fields[0] === '__all__')) return names;
  if (fields) return known('fields', fields);
  const hidden = known('exclude', exclude ?? []);
  return names.filter((name) => !hidden.includes(name));
}

function writableOf(model: Model, writable: readonly string[], refuse: (why: string) => never): readonly string[] {
  const generated = model.columns.find((column) => column.generated && writable.includes(column.name));
  if (generated) refuse(`writable names "${generated.name}", which the database computes; leave it out`);
  return writable;
}

function defaultWritable(model: Model, fields: readonly string[], by: readonly string[]): readonly string[] {
  const fixed = new Set([...model.key, ...by, ...model.columns.filter((column) => column.generated).map((column) => column.name)]);
  return fields.filter((name) => !fixed.has(name));
}
