import { count } from 'drizzle-orm';
import type { Role, TaskStatus } from '../shared.ts';
import type { App } from './app.ts';
import { member, organisation, task } from './schema.ts';

export const PASSWORD = 'correct horse';

/** Two tenants that know nothing of each other, and Kim, who is in both. */
export const PEOPLE = [
  { name: 'Ada Marsh', email: 'ada@juniper.example', roles: { juniper: 'owner' } },
  { name: 'Bo Lindqvist', email: 'bo@harbour.example', roles: { harbour: 'owner' } },
  { name: 'Kim Okafor', email: 'kim@example.com', roles: { juniper: 'viewer', harbour: 'editor' } },
] as const satisfies readonly { name: string; email: string; roles: Partial<Record<Slug, Role>> }[];

type Slug = 'juniper' | 'harbour';

const ORGANISATIONS: readonly { slug: Slug; name: string }[] = [
  { slug: 'juniper', name: 'Juniper Studio' },
  { slug: 'harbour', name: 'Harbour Coffee' },
];

const TASKS: Readonly<Record<Slug, readonly { title: string; status: TaskStatus; notes?: string; of?: string; deleted?: true }[]>> = {
  juniper: [
    {
      title: 'Sketch the onboarding flow',
      status: 'doing',
      of: 'Ada Marsh',
      notes: 'Three screens at most. Start from what people asked support about last month.',
    },
    { title: 'Choose photographs for the spring catalogue', status: 'todo', of: 'Kim Okafor' },
    { title: 'Send the contract to the printers', status: 'todo', notes: 'They close at four on Fridays.' },
    { title: 'Retire the old price list', status: 'todo' },
    { title: 'Rewrite the welcome e-mail', status: 'doing' },
    { title: 'Order paper samples', status: 'done', of: 'Ada Marsh' },
    { title: 'Draft that nobody wanted', status: 'todo', deleted: true },
  ],
  harbour: [
    { title: 'Taste the new Ethiopian lot', status: 'todo', of: 'Bo Lindqvist', notes: 'With the whole morning shift.' },
    { title: 'Repair the grinder at the quay', status: 'doing', of: 'Kim Okafor' },
    { title: 'Print the summer menu', status: 'done' },
  ],
};

/** Fills a database that is empty. */
export async function seed({ db, auth }: Pick<App, 'db' | 'auth'>): Promise<void> {
  const [{ n } = { n: 0 }] = await db.select({ n: count() }).from(organisation);
  if (n > 0) return;
  const ids = new Map<string, string>();
  for (const { name, email } of PEOPLE) {
    const { user } = await auth.api.signUpEmail({ body: { name, email, password: PASSWORD } });
    ids.set(name, user.id);
  }
  await db.transaction(async (tx) => {
    for (const { slug, name } of ORGANISATIONS) {
      const [{ id: orgId } = { id: 0 }] = await tx.insert(organisation).values({ slug, name }).returning();
      const joined = PEOPLE.flatMap(({ name: who, roles }) => {
        const role = (roles as Partial<Record<Slug, Role>>)[slug];
        return role ? [{ orgId, userId: ids.get(who) ?? '', name: who, role }] : [];
      });
      await tx.insert(member).values(joined);
      await tx.insert(task).values(
        TASKS[slug].map(({ title, status, notes = '', of, deleted }) => ({
          orgId,
          title,
          status,
          notes,
          assigneeId: of === undefined ? null : (ids.get(of) ?? null),
          deletedAt: deleted ? new Date() : null,
        })),
      );
    }
  });
}
