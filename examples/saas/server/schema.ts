import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core';
import { ROLES, STATUSES } from '../shared.ts';
import { user } from './schema-auth.ts';

/** A tenant. */
export const organisation = pgTable('organisation', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  slug: text().notNull().unique(),
  name: text().notNull(),
});

/** Who belongs to which tenant, as what. Everything anybody may see or do is decided by these rows. */
export const member = pgTable(
  'member',
  {
    id: integer().primaryKey().generatedByDefaultAsIdentity(),
    orgId: integer('org_id')
      .notNull()
      .references(() => organisation.id, { onDelete: 'cascade' }),
    userId: text('user_id')
      .notNull()
      .references(() => user.id, { onDelete: 'cascade' }),
    /** What this organisation calls them: its members see it, and nothing else of the account. */
    name: text().notNull(),
    role: text({ enum: ROLES }).notNull(),
  },
  (table) => [
    unique('member_once').on(table.orgId, table.userId),
    index('member_user').on(table.userId),
    check('member_role', sql`${table.role} IN ('viewer', 'editor', 'owner')`),
  ],
);

export const task = pgTable(
  'task',
  {
    id: integer().primaryKey().generatedByDefaultAsIdentity(),
    orgId: integer('org_id')
      .notNull()
      .references(() => organisation.id, { onDelete: 'cascade' }),
    title: text().notNull(),
    notes: text().notNull().default(''),
    status: text({ enum: STATUSES }).notNull().default('todo'),
    assigneeId: text('assignee_id'),
    /** Never leaves the server: no binding lists it. */
    createdBy: text('created_by').references(() => user.id, { onDelete: 'set null' }),
    /** Set: in the trash. */
    deletedAt: timestamp('deleted_at', { withTimezone: true }),
  },
  (table) => [
    index('task_org').on(table.orgId),
    check('task_status', sql`${table.status} IN ('todo', 'doing', 'done')`),
    // A task is never given to somebody of another tenant, whoever writes it; who leaves loses theirs (in tables.sql: SET NULL of this column alone).
    foreignKey({ name: 'task_assignee', columns: [table.orgId, table.assigneeId], foreignColumns: [member.orgId, member.userId] }),
  ],
);
