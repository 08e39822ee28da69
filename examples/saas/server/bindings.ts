import { and, eq, isNull, ne } from 'drizzle-orm';
import { bindingFor, groupBy, membership, refuse } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { z } from 'zod';
import type { User } from './auth.ts';
import type { Db } from './database.ts';
import { ROLES, STATUSES } from '../shared.ts';
import { member, organisation, task } from './schema.ts';

// Who sees which rows, and who may write them. Joining, leaving and another role take effect at the commit that says so, on every screen.

const binding = bindingFor<User, Db>();
const members = membership(drizzle(member), { user: 'userId', match: 'orgId', role: 'role' });
const editors = members.as('editor', 'owner');

const organisations = binding(drizzle(organisation), {
  fields: ['slug', 'name'],
  groupNames: groupBy('id'),
  canSubscribe: members,
});

const people = binding(drizzle(member), {
  fields: ['orgId', 'userId', 'name', 'role'],
  writable: ['role'],
  groupNames: groupBy('orgId'),
  canSubscribe: members,
  hasPermission: members.as('owner'),
  validate: { update: z.object({ role: z.enum(ROLES) }) },
  async update({ tx, before, data }) {
    if (before && data.role !== 'owner') await keepAnOwner(tx, before);
    await tx
      .update(member)
      .set(data)
      .where(eq(member.id, before?.id ?? 0));
  },
  async delete({ tx, before }) {
    if (before) await keepAnOwner(tx, before);
    await tx.delete(member).where(eq(member.id, before?.id ?? 0));
  },
});

/** One at a time for each organisation, so that of two owners who leave at once the second is refused. */
async function keepAnOwner(tx: Db, { id, orgId }: typeof member.$inferSelect): Promise<void> {
  await tx.select().from(organisation).where(eq(organisation.id, orgId)).for('no key update');
  const others = await tx
    .select({ id: member.id })
    .from(member)
    .where(and(eq(member.orgId, orgId), eq(member.role, 'owner'), ne(member.id, id)));
  if (others.length === 0) refuse('conflict', 'An organisation keeps at least one owner.');
}

const fields = {
  title: z.string().trim().min(1, 'Give it a title.').max(120, 'That is longer than 120 characters.'),
  notes: z.string().max(5_000, 'That is longer than 5,000 characters.'),
  status: z.enum(STATUSES),
};

const tasks = binding(drizzle(task), {
  fields: ['orgId', 'title', 'notes', 'status', 'assigneeId'],
  writable: ['title', 'notes', 'status'],
  groupNames: groupBy('orgId'),
  canSubscribe: members,
  hasPermission: editors,
  stamp: (user, action) => (action === 'create' ? { createdBy: user.id } : {}),
  validate: { create: z.object(fields).partial().required({ title: true }), update: z.object(fields).partial() },
  // Null: the row is in nobody's view. A task in the trash is gone from here, and comes back when it is restored.
  serialize: ({ deletedAt, orgId, title, notes, status, assigneeId }) =>
    deletedAt === null ? { orgId, title, notes, status, assigneeId } : null,
  async delete({ tx, before }) {
    await tx
      .update(task)
      .set({ deletedAt: new Date() })
      .where(and(eq(task.id, before?.id ?? 0), isNull(task.deletedAt)));
  },
});

/** The same rows, the other half of them. To restore one is to write `deletedAt: null`. */
const trash = binding(drizzle(task), {
  fields: ['orgId', 'title', 'deletedAt'],
  writable: ['deletedAt'],
  groupNames: groupBy('orgId'),
  canSubscribe: members,
  hasPermission: editors,
  validate: { update: z.object({ deletedAt: z.null('A task is restored, or it stays.') }) },
  serialize: ({ deletedAt, orgId, title }) => (deletedAt === null ? null : { orgId, title, deletedAt }),
  create: () => refuse('forbidden', 'A task gets here by being deleted.'),
  delete: () => refuse('forbidden', 'What is in the trash is only restored.'),
});

export const bindings = { organisations, people, tasks, trash };
