import type { Json } from '../protocol/index.ts';
import { RowcastError } from './errors.ts';
import { groupValue } from './groups.ts';
import type { Image, Model } from './model.ts';
import { columnText, keyText, placeOf, rowValue, type Table } from './table.ts';

/** The columns of a join table that make its rows memberships. `R` is the row. */
export interface MembershipColumns<R> {
  /** Whose: holds the user's `id`. */
  readonly user: Extract<keyof R, string>;
  /** In what: the values of the columns that bindings are grouped by, in the order of their `groupBy`. */
  readonly match: Extract<keyof R, string> | readonly Extract<keyof R, string>[];
  /** As what. Left out: there are no roles. */
  readonly role?: Extract<keyof R, string>;
}

/** Members with one of these roles. */
export interface MemberRole {
  readonly membership: Membership;
  readonly roles: readonly string[];
}

/** Who belongs to what, as rows say. Joining and leaving take effect at the commit that makes or ends the row. */
export class Membership {
  readonly model: Model;
  readonly user: string;
  readonly match: readonly string[];
  readonly role: string | null;
  /** The same in every process that runs the same code. */
  readonly name: string;

  constructor(model: Model, columns: MembershipColumns<Record<string, unknown>>) {
    this.model = model;
    this.user = columns.user;
    this.match = typeof columns.match === 'string' ? [columns.match] : columns.match;
    this.role = columns.role ?? null;
    const named = [this.user, ...this.match, ...(this.role === null ? [] : [this.role])];
    const unknown = named.find((name) => !model.columns.some((column) => column.name === name));
    if (unknown !== undefined || this.match.length === 0) {
      throw new RowcastError(
        'binding_invalid',
        unknown === undefined
          ? `the membership of "${model.table.name}" names no column to \`match\``
          : `the membership of "${model.table.name}" names "${unknown}", which is no column of the model`,
      );
    }
    this.name = JSON.stringify([model.name, this.user, this.match, this.role]);
  }

  /** For `hasPermission`: members with one of these roles may write rows of what they are members of. */
  as(...roles: readonly [string, ...string[]]): MemberRole {
    if (this.role === null) {
      throw new RowcastError('binding_invalid', `the membership of "${this.model.table.name}" has no \`role\` column to ask for a role`);
    }
    return { membership: this, roles };
  }
}

/**
 * Rows of a join table as memberships: for `canSubscribe`, and with `.as('editor')` for `hasPermission`, of bindings with `groupBy`.
 *
 * @example
 * ```ts
 * const members = membership(drizzle(member), { user: 'userId', match: 'orgId', role: 'role' })
 * export const tasks = binding(drizzle(task), {
 *   fields: ['orgId', 'title'],
 *   groupNames: groupBy('orgId'),
 *   canSubscribe: members,
 *   hasPermission: members.as('editor', 'owner'),
 * })
 * ```
 * @throws {RowcastError} `binding_invalid` for a column that the model does not have.
 */
export function membership<R extends object, I extends object>(model: Model<R, I>, columns: MembershipColumns<R>): Membership {
  return new Membership(model as unknown as Model, columns as unknown as MembershipColumns<Record<string, unknown>>);
}

/** What one row of a join table grants. */
export interface Grant {
  /** The values to match, as the wire has them. */
  readonly match: readonly Json[];
  readonly role: string | null;
}

/** A row of a join table, before and after a commit, for one user. */
export interface MemberChange {
  readonly membership: string;
  /** The user's `id`, as text. */
  readonly user: string;
  /** The row's key: one user may be a member twice. */
  readonly key: string;
  readonly before: Grant | null;
  readonly after: Grant | null;
}

/** A membership joined to its table. */
export interface Members {
  readonly membership: Membership;
  readonly table: Table;
  /** Whose row it is and what it grants; null: nobody's, or of nothing. @throws {RowcastError} `schema_drift` when it cannot be read. */
  granted(image: Image): { readonly user: string; readonly key: string; readonly grant: Grant } | null;
}

export function membersOf(membership: Membership, table: Table): Members {
  const [user, role] = [membership.user, membership.role].map((name) => (name === null ? -1 : placeOf(table, name))) as [number, number];
  const match = membership.match.map((name) => placeOf(table, name));
  return {
    membership,
    table,
    granted(image) {
      const whose = groupValue(rowValue(table, image, user));
      const values = match.map((place) => JSON.parse(columnText(table, image, place)) as Json);
      const as = role < 0 ? null : groupValue(rowValue(table, image, role));
      if (whose === null || values.includes(null)) return null;
      return { user: whose, key: keyText(table, image), grant: { match: values, role: as } };
    },
  };
}
