import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Db } from './database.ts';
import type { Role } from '../shared.ts';
import { member, task } from './schema.ts';

export const EDITORS = ['editor', 'owner'] as const satisfies readonly Role[];

/** The role somebody has in a tenant; null: none, it is not theirs to know of. */
export async function roleIn(db: Db, userId: string, orgId: number): Promise<Role | null> {
  const [found] = await db
    .select({ role: member.role })
    .from(member)
    .where(and(eq(member.orgId, orgId), eq(member.userId, userId)));
  return found?.role ?? null;
}

/** Whether the task is there, and somebody may change it. */
export async function mayEdit(db: Db, userId: string, id: number): Promise<boolean> {
  const found = await db
    .select({ id: task.id })
    .from(task)
    .innerJoin(member, and(eq(member.orgId, task.orgId), eq(member.userId, userId)))
    .where(and(eq(task.id, id), isNull(task.deletedAt), inArray(member.role, EDITORS)));
  return found.length > 0;
}
