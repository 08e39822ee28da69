import { expectTypeOf } from 'vitest';
import { createInsertSchema, createUpdateSchema } from 'drizzle-zod';
import type { PGlite } from '@electric-sql/pglite';
import type { Database } from 'better-sqlite3';
import { eq, isNull } from 'drizzle-orm';
import { eq as eq1 } from 'drizzle-orm-1';
import * as betterSqlite from 'drizzle-orm/better-sqlite3';
import * as pg from 'drizzle-orm/pg-core';
import * as pglite from 'drizzle-orm/pglite';
import * as sqlite from 'drizzle-orm/sqlite-core';
import * as pg1 from 'drizzle-orm-1/pg-core';
import * as pglite1 from 'drizzle-orm-1/pglite';
import * as sqlite1 from 'drizzle-orm-1/sqlite-core';
import { createInsertSchema as createInsertSchema1, createUpdateSchema as createUpdateSchema1 } from 'drizzle-orm-1/zod';
import { bindingFor, groupBy, membership, type Binding, type Key, type Model, type ColumnGroup, type Membership } from '../core/index.ts';
import { drizzle } from './index.ts';

declare const client: PGlite;
declare const file: Database;

interface User {
  readonly id: string;
  readonly role: 'editor' | 'reader';
  readonly blogs: readonly number[];
}

const post = pg.pgTable('post', {
  id: pg.integer('id').primaryKey().generatedByDefaultAsIdentity(),
  blogId: pg.integer('blog_id').notNull(),
  authorId: pg.text('author_id').notNull(),
  title: pg.text('title').notNull(),
  body: pg.text('body'),
  made: pg.timestamp('made').defaultNow().notNull(),
});
const post1 = pg1.pgTable('post', {
  id: pg1.integer('id').primaryKey().generatedByDefaultAsIdentity(),
  blogId: pg1.integer('blog_id').notNull(),
  authorId: pg1.text('author_id').notNull(),
  title: pg1.text('title').notNull(),
  body: pg1.text('body'),
  made: pg1.timestamp('made').defaultNow().notNull(),
});
const note = sqlite.sqliteTable('note', { id: sqlite.integer('id').primaryKey(), done: sqlite.integer('done', { mode: 'boolean' }) });
const note1 = sqlite1.sqliteTable('note', { id: sqlite1.integer('id').primaryKey(), done: sqlite1.integer('done', { mode: 'boolean' }) });

interface Post {
  id: number;
  blogId: number;
  authorId: string;
  title: string;
  body: string | null;
  made: Date;
}

const db = pglite.drizzle(client);
const db1 = pglite1.drizzle({ client });
const local = betterSqlite.drizzle(file);

// a model's rows are what select() gives, and its inserts what insert() takes
expectTypeOf(drizzle(post)).toEqualTypeOf<Model<typeof post.$inferSelect, typeof post.$inferInsert, 'id'>>();
expectTypeOf<NonNullable<ReturnType<typeof drizzle<typeof post>>['types']>['row']>().toEqualTypeOf<Post>();
expectTypeOf<NonNullable<ReturnType<typeof drizzle<typeof post1>>['types']>['row']>().toEqualTypeOf<Post>();
expectTypeOf(drizzle(note)).toEqualTypeOf<Model<typeof note.$inferSelect, typeof note.$inferInsert, 'id'>>();
expectTypeOf(drizzle(note1)).toEqualTypeOf<Model<typeof note1.$inferSelect, typeof note1.$inferInsert, 'id'>>();
// @ts-expect-error a view has no inserts
drizzle(pg.pgView('seen', { id: pg.integer('id') }).existing());
// @ts-expect-error a column is no table
drizzle(post.id);

const binding = bindingFor<User, typeof db>();
const binding1 = bindingFor<User, typeof db1>();

// everything is inferred in one call, hooks included
const posts = binding(drizzle(post), {
  fields: ['blogId', 'title', 'body'],
  writable: ['title', 'body'],
  groupNames: groupBy('blogId'),
  canSubscribe: (user, params) => {
    expectTypeOf(user).toEqualTypeOf<User>();
    expectTypeOf(params).toEqualTypeOf<{ blogId: number }>();
    return user.blogs.includes(params.blogId);
  },
  hasPermission: (user, action, pk, { before, data }) => {
    expectTypeOf(action).toEqualTypeOf<'create' | 'update' | 'delete'>();
    expectTypeOf(pk).toEqualTypeOf<Key | null>();
    expectTypeOf(before).toEqualTypeOf<Post | null>();
    expectTypeOf(data).toEqualTypeOf<Partial<typeof post.$inferInsert>>();
    return user.role === 'editor' && data.title !== '';
  },
  stamp: (user, action) => (action === 'create' ? { authorId: user.id } : {}),
  serialize: (row) => {
    expectTypeOf(row).toEqualTypeOf<Post>();
    return { title: row.title.toUpperCase() };
  },
  async create({ tx, data, user, after }) {
    expectTypeOf(tx).toEqualTypeOf<typeof db>();
    after(() => undefined);
    const [made] = await tx
      .insert(post)
      .values({ blogId: 1, title: 'Untitled', ...data, authorId: user.id })
      .returning({ id: post.id });
    return made?.id ?? 0;
  },
  update: async ({ tx, pk, data, before }) => {
    expectTypeOf(pk).toEqualTypeOf<Key | null>();
    expectTypeOf(before).toEqualTypeOf<Post | null>();
    await tx.update(post).set(data);
  },
  validate: { create: createInsertSchema(post, { title: (title) => title.min(2) }), update: createUpdateSchema(post) },
});
expectTypeOf(posts).toEqualTypeOf<
  Binding<{
    row: typeof post.$inferSelect;
    fields: 'blogId' | 'title' | 'body';
    writable: 'title' | 'body';
    params: 'blogId';
    insert: typeof post.$inferInsert;
    key: 'id';
    user: User;
  }>
>();

// the same on 1.0
const posts1 = binding1(drizzle(post1), {
  fields: ['blogId', 'title'],
  groupNames: groupBy('blogId'),
  canSubscribe: (user, { blogId }) => user.blogs.includes(blogId),
  hasPermission: (user, _action, _pk, { before, data }) => {
    expectTypeOf(before).toEqualTypeOf<Post | null>();
    expectTypeOf(data).toEqualTypeOf<Partial<typeof post1.$inferInsert>>();
    return user.role === 'editor';
  },
  stamp: (user) => ({ authorId: user.id }),
  async update({ tx, data }) {
    expectTypeOf(tx).toEqualTypeOf<typeof db1>();
    await tx.update(post1).set(data);
  },
  validate: { create: createInsertSchema1(post1), update: createUpdateSchema1(post1) },
});

// a group needs each of its columns, by its type
expectTypeOf(posts.group({ blogId: 7 })).toEqualTypeOf<ColumnGroup>();
posts1.group({ blogId: 7 });
// @ts-expect-error blogId is a number
posts.group({ blogId: '7' });
// @ts-expect-error blogId is needed
posts.group({});
// @ts-expect-error nothing else names the group
posts.group({ blogId: 7, title: 'x' });

// groupNames as a function sees the typed row
binding(drizzle(post), {
  fields: '__all__',
  groupNames: (row) => {
    expectTypeOf(row).toEqualTypeOf<Post>();
    return [`blog-${row.blogId}`];
  },
});

// a name that is no column does not compile, wherever it stands
// @ts-expect-error fields
binding(drizzle(post), { fields: ['title', 'nothing'], groupNames: () => [] });
// @ts-expect-error exclude
binding(drizzle(post), { exclude: ['nothing'], groupNames: () => [] });
// @ts-expect-error writable
binding(drizzle(post), { fields: ['title'], writable: ['nothing'], groupNames: () => [] });
// @ts-expect-error groupBy
binding(drizzle(post), { fields: ['title'], groupNames: groupBy('nothing') });
// @ts-expect-error groupNames sees only columns
binding(drizzle(post), { fields: ['title'], groupNames: (row) => [String(row.nothing)] });
// @ts-expect-error a look-up would see another moment
binding(drizzle(post), { fields: ['title'], groupNames: async () => ['x'] });
// @ts-expect-error stamp sets columns only
binding(drizzle(post), { fields: ['title'], groupNames: () => [], stamp: () => ({ nothing: 1 }) });
// @ts-expect-error stamp sets a column to what it holds
binding(drizzle(post), { fields: ['title'], groupNames: () => [], stamp: () => ({ authorId: 7 }) });
// @ts-expect-error groupNames is mandatory
binding(drizzle(post), { fields: ['title'] });
// @ts-expect-error fields or exclude is mandatory
binding(drizzle(post), { groupNames: () => [] });
// @ts-expect-error one of them
binding(drizzle(post), { fields: ['title'], exclude: ['body'], groupNames: () => [] });
// @ts-expect-error canSubscribe needs groupBy
binding(drizzle(post), { fields: ['title'], groupNames: () => [], canSubscribe: () => true });

// @ts-expect-error no such option
binding(drizzle(post), { fields: ['title'], groupNames: () => [], hasPermision: () => true });
// @ts-expect-error an action is answered with a yes or a no
binding(drizzle(post), { fields: ['title'], groupNames: () => [], hasPermission: () => 'yes' });
// @ts-expect-error create gives the key of the row it made
binding(drizzle(post), { fields: ['title'], groupNames: () => [], create: () => undefined });

// the whole model, and all of it but some
const all = binding(drizzle(post), { fields: '__all__', groupNames: () => [] });
expectTypeOf<NonNullable<(typeof all)['types']>['fields']>().toEqualTypeOf<keyof Post>();
const some = binding(drizzle(post), { exclude: ['authorId', 'made'], groupNames: () => [] });
expectTypeOf<NonNullable<(typeof some)['types']>['fields']>().toEqualTypeOf<'id' | 'blogId' | 'title' | 'body'>();

// what a client may write is known to be no more than what the server takes: not the key, not what groups it, unless named
expectTypeOf<NonNullable<(typeof posts1)['types']>['writable']>().toEqualTypeOf<'title'>();

// without a user nobody is known, and hooks of SQLite are the app's own database too
bindingFor<null, typeof local>()(drizzle(note), {
  fields: ['done'],
  groupNames: () => ['notes'],
  hasPermission: (user) => {
    expectTypeOf(user).toEqualTypeOf<null>();
    return true;
  },
  update({ tx, data }) {
    tx.update(note).set(data).run();
  },
});
bindingFor()(drizzle(note1), { fields: ['done'], groupNames: () => ['notes'] });

// memberships name columns of their own table, in either version
const member = pg.pgTable('member', { userId: pg.text('user_id'), blogId: pg.integer('blog_id'), role: pg.text('role') });
const member1 = sqlite1.sqliteTable('member', { userId: sqlite1.text('user_id'), blogId: sqlite1.integer('blog_id') });
const members = membership(drizzle(member), { user: 'userId', match: 'blogId', role: 'role' });
expectTypeOf(members).toEqualTypeOf<Membership>();
membership(drizzle(member1), { user: 'userId', match: ['blogId'] });
// @ts-expect-error user
membership(drizzle(member), { user: 'nothing', match: 'blogId' });
// @ts-expect-error match
membership(drizzle(member), { user: 'userId', match: 'nothing' });
// @ts-expect-error match, one of several
membership(drizzle(member), { user: 'userId', match: ['blogId', 'nothing'] });
// @ts-expect-error role
membership(drizzle(member), { user: 'userId', match: 'blogId', role: 'nothing' });
// @ts-expect-error the other table's column
membership(drizzle(member1), { user: 'userId', match: 'blogId', role: 'role' });
// @ts-expect-error a membership matches something
membership(drizzle(member), { user: 'userId' });
binding(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: members, hasPermission: members.as('editor') });
// @ts-expect-error a role is asked for by name
members.as();

// the rows of a group are found by a condition of either version, or by none
binding(drizzle(post), { fields: ['title'], groupNames: () => [], where: (group) => (group === 'new' ? isNull(post.body) : null) });
binding1(drizzle(post1), { fields: ['title'], groupNames: () => [], where: () => eq1(post1.title, 'x') });
// @ts-expect-error a condition is no text
binding(drizzle(post), { fields: ['title'], groupNames: () => [], where: () => "title = 'x'" });
// @ts-expect-error what the columns of a group are says which rows it has
binding(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), where: () => eq(post.blogId, 1) });

// any binding is a Binding: endpoints take records of them
export const bindings: Readonly<Record<string, Binding>> = { posts, posts1, all, some };
