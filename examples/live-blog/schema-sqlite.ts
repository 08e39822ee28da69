import { sql } from 'drizzle-orm';
import { check, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const integerValue = sqliteTable('integer_value', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull().unique(),
  value: integer('value').notNull().default(0),
});

export const blog = sqliteTable('blog', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  title: text('title').notNull(),
});

export const post = sqliteTable(
  'post',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    blogId: integer('blog_id')
      .notNull()
      .references(() => blog.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    body: text('body').notNull().default(''),
    published: integer('published', { mode: 'boolean' }).notNull().default(false),
    /** The editors' own: no binding lists it, so it never leaves the server. */
    notes: text('notes'),
  },
  (table) => [index('post_blog').on(table.blogId), check('published', sql`${table.published} IN (0, 1)`)],
);

/** What a migration of drizzle-kit would say. */
export const statements = [
  `CREATE TABLE IF NOT EXISTS integer_value (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    value INTEGER NOT NULL DEFAULT 0
  )`,
  `CREATE TABLE IF NOT EXISTS blog (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS post (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    blog_id INTEGER NOT NULL REFERENCES blog (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    published INTEGER NOT NULL DEFAULT 0 CONSTRAINT published CHECK (published IN (0, 1)),
    notes TEXT
  )`,
  'CREATE INDEX IF NOT EXISTS post_blog ON post (blog_id)',
];
