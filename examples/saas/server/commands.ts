import { and, eq, exists, isNull, sql } from 'drizzle-orm';
import { commandFor, refuse } from 'rowcast';
import { z } from 'zod';
import type { User } from './auth.ts';
import type { Db } from './database.ts';
import { mayEdit, roleIn } from './roles.ts';
import { ROLES } from '../shared.ts';
import { member, task } from './schema.ts';
import { user as account } from './schema-auth.ts';

const command = commandFor<User, Db>();

export interface CommandParts {
  readonly db: Db;
  /** Tells somebody, by whatever way the app has. */
  tell(userId: string, text: string): void;
}

/** What is more than a change of one row. Each runs in a transaction of its own, once, however often a client that lost its connection asks. */
export function commandsOf({ db, tell }: CommandParts) {
  /** Gives a task to a member, or to nobody. */
  const assign = command({
    input: z.object({ id: z.int(), to: z.string().nullable() }),
    allow: (user, { id }) => mayEdit(db, user.id, id),
    async run(tx, { id, to }, { user, after }) {
      const isMember = tx
        .select({ one: sql`1` })
        .from(member)
        .where(and(eq(member.orgId, task.orgId), eq(member.userId, to ?? '')));
      const [given] = await tx
        .update(task)
        .set({ assigneeId: to })
        .where(and(eq(task.id, id), isNull(task.deletedAt), to === null ? undefined : exists(isMember)))
        .returning({ title: task.title });
      if (!given) return refuse('invalid', 'That task, or that person, is not there any more.', { to: 'is no member' });
      if (to !== null && to !== user.id) after(() => tell(to, `${user.name} gave you “${given.title}”`));
      return null;
    },
  });

  /** Makes somebody who has an account a member; it appears on their screen by itself. */
  const invite = command({
    input: z.object({ orgId: z.int(), email: z.email('That is no e-mail address.'), role: z.enum(ROLES) }),
    allow: async (user, { orgId }) => (await roleIn(db, user.id, orgId)) === 'owner',
    async run(tx, { orgId, email, role }, { user, after }) {
      const [found] = await tx.select().from(account).where(eq(account.email, email.toLowerCase()));
      if (!found) return refuse('invalid', 'Nobody has that address.', { email: 'Nobody has that address.' });
      const { id: userId, name } = found;
      const made = await tx.insert(member).values({ orgId, userId, name, role }).onConflictDoNothing().returning({ id: member.id });
      if (!made[0]) return refuse('invalid', `${name} is a member already.`, { email: `${name} is a member already.` });
      after(() => tell(userId, `${user.name} made you a member`));
      return { id: made[0].id };
    },
  });

  return { assign, invite };
}
