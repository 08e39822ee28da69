import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { eq } from 'drizzle-orm';
import { drizzle as onNodePostgres } from 'drizzle-orm/node-postgres';
import { boolean, integer as pgInteger, pgTable, serial, text as pgText, uuid } from 'drizzle-orm/pg-core';
import { drizzle as proxied } from 'drizzle-orm/sqlite-proxy';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import pg from 'pg';
import { drizzle } from '../../src/drizzle/index.ts';
import type { Database } from '../../src/main/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

// The tables of most tests, as SQLite has them. `secret` is in no binding's fields.
export const integerValue = sqliteTable('integer_value', {
  id: integer('id').primaryKey(),
  name: text('name').notNull().unique(),
  value: integer('value').notNull(),
});
export const post = sqliteTable('post', {
  id: integer('id').primaryKey(),
  blogId: integer('blog_id'),
  title: text('title').notNull(),
  body: text('body').notNull().default(''),
  published: integer('published', { mode: 'boolean' }).notNull().default(false),
  owner: text('owner'),
  secret: text('secret').notNull().default('canary-default'),
});
export const thing = sqliteTable('thing', { id: text('id').primaryKey(), name: text('name').notNull() });
export const label = sqliteTable('label', {
  id: integer('id').primaryKey(),
  postId: integer('post_id').notNull(),
  name: text('name').notNull(),
});
export const user = sqliteTable('auth_user', {
  id: integer('id').primaryKey(),
  username: text('username').notNull().unique(),
  email: text('email').notNull().default(''),
  password: text('password').notNull().default(''),
  firstName: text('first_name').notNull().default(''),
  lastName: text('last_name').notNull().default(''),
  isSuperuser: integer('is_superuser', { mode: 'boolean' }).notNull().default(false),
});

const sqliteModels = {
  user: drizzle(user, { name: 'auth.user' }),
  integerValue: drizzle(integerValue, { name: 'values.integervalue' }),
  post: drizzle(post),
  thing: drizzle(thing),
  label: drizzle(label),
};
export type Models = typeof sqliteModels;

/** The models by themselves: for a server over `memory()`. */
export const models: Models = sqliteModels;

/** An empty database with those tables, and the app's own ways to it. */
export interface TestDatabase extends AsyncDisposable {
  readonly models: Models;
  readonly source: Database;
  /** The app's own connection, as its driver has it. */
  readonly own: unknown;
  /** SQL on a connection of the app's own; several statements are several transactions unless they say BEGIN. */
  run(sql: string): Promise<void>;
  /** The same from another process. */
  runElsewhere(sql: string): Promise<void>;
  /** An UPDATE of a post by the app's ORM, on the app's own connection. */
  updatePost(id: number, set: Partial<typeof post.$inferInsert>): Promise<void>;
  all(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface Kind {
  readonly name: string;
  open(): Promise<TestDatabase>;
}

const SQLITE_TABLES = `
  CREATE TABLE integer_value (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value INTEGER NOT NULL);
  CREATE TABLE auth_user (id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL DEFAULT '', password TEXT NOT NULL DEFAULT '',
    first_name TEXT NOT NULL DEFAULT '', last_name TEXT NOT NULL DEFAULT '', is_superuser INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE post (id INTEGER PRIMARY KEY, blog_id INTEGER, title TEXT NOT NULL, body TEXT NOT NULL DEFAULT '',
    published INTEGER NOT NULL DEFAULT 0, owner TEXT, secret TEXT NOT NULL DEFAULT 'canary-default');
  CREATE TABLE thing (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL);
  CREATE TABLE label (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE, name TEXT NOT NULL);`;

const OTHER_PROCESS = `const { DatabaseSync } = require('node:sqlite');
new DatabaseSync(process.argv[1], { timeout: 5000 }).exec('PRAGMA foreign_keys = ON; ' + process.argv[2]);`;

const onSqlite: Kind = {
  name: 'SQLite',
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'rowcast-test-'));
    const file = join(folder, 'app.db');
    const own = new DatabaseSync(file, { timeout: 5_000 });
    own.exec(`PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; ${SQLITE_TABLES}`);
    return {
      models,
      source: sqlite(file),
      own,
      run: (sql) => Promise.resolve(own.exec(sql)),
      runElsewhere: async (sql) => void (await promisify(execFile)(process.execPath, ['-e', OTHER_PROCESS, file, sql])),
      updatePost: async (id, set) => {
        const orm = proxied((query, params) => Promise.resolve({ rows: own.prepare(query).all(...(params as string[])) as never[] }));
        await orm.update(post).set(set).where(eq(post.id, id));
      },
      all: (sql) => Promise.resolve(own.prepare(sql).all()),
      async [Symbol.asyncDispose]() {
        own.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};

const columns = {
  integerValue: pgTable('integer_value', {
    id: serial('id').primaryKey(),
    name: pgText('name').notNull().unique(),
    value: pgInteger('value').notNull(),
  }),
  post: pgTable('post', {
    id: serial('id').primaryKey(),
    blogId: pgInteger('blog_id'),
    title: pgText('title').notNull(),
    body: pgText('body').notNull().default(''),
    published: boolean('published').notNull().default(false),
    owner: pgText('owner'),
    secret: pgText('secret').notNull().default('canary-default'),
  }),
  thing: pgTable('thing', { id: uuid('id').primaryKey(), name: pgText('name').notNull() }),
  label: pgTable('label', { id: serial('id').primaryKey(), postId: pgInteger('post_id').notNull(), name: pgText('name').notNull() }),
  user: pgTable('auth_user', {
    id: serial('id').primaryKey(),
    username: pgText('username').notNull().unique(),
    email: pgText('email').notNull().default(''),
    password: pgText('password').notNull().default(''),
    firstName: pgText('first_name').notNull().default(''),
    lastName: pgText('last_name').notNull().default(''),
    isSuperuser: boolean('is_superuser').notNull().default(false),
  }),
};

// Rows of both dialects are the same to code: one set of types is enough for the tests.
const postgresModels = {
  user: drizzle(columns.user, { name: 'auth.user' }),
  integerValue: drizzle(columns.integerValue, { name: 'values.integervalue' }),
  post: drizzle(columns.post),
  thing: drizzle(columns.thing),
  label: drizzle(columns.label),
} as unknown as Models;

const POSTGRES_TABLES = `
  CREATE TABLE integer_value (id serial PRIMARY KEY, name text NOT NULL UNIQUE, value integer NOT NULL);
  CREATE TABLE auth_user (id serial PRIMARY KEY, username text NOT NULL UNIQUE, email text NOT NULL DEFAULT '', password text NOT NULL DEFAULT '',
    first_name text NOT NULL DEFAULT '', last_name text NOT NULL DEFAULT '', is_superuser boolean NOT NULL DEFAULT false);
  CREATE TABLE post (id serial PRIMARY KEY, blog_id integer, title text NOT NULL, body text NOT NULL DEFAULT '',
    published boolean NOT NULL DEFAULT false, owner text, secret text NOT NULL DEFAULT 'canary-default');
  CREATE TABLE thing (id uuid PRIMARY KEY, name text NOT NULL);
  CREATE TABLE label (id serial PRIMARY KEY, post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE, name text NOT NULL);`;

/** One server for the whole file; it dies with this process. */
let server: Promise<PostgresServer> | undefined;

const onPostgres: Kind = {
  name: 'Postgres',
  async open() {
    const url = await (await (server ??= startPostgres({ major: 18 }))).createDatabase();
    const own = new pg.Client(url);
    await own.connect();
    await own.query(POSTGRES_TABLES);
    return {
      models: postgresModels,
      source: postgres(url),
      own,
      run: async (sql) => {
        // Each statement by itself, as SQLite's driver does it: sent together they would be one transaction.
        for (const statement of sql.split(';').filter((text) => text.trim() !== '')) await own.query(statement);
      },
      runElsewhere: async (sql) => void (await promisify(execFile)(process.execPath, ['-e', OTHER_CLIENT, url, sql])),
      updatePost: async (id, set) => {
        await onNodePostgres(own).update(columns.post).set(set).where(eq(columns.post.id, id));
      },
      all: async (sql) => (await own.query(sql)).rows as Record<string, unknown>[],
      [Symbol.asyncDispose]: () => own.end(),
    };
  },
};

const OTHER_CLIENT = `const { Client } = require('pg'); const client = new Client(process.argv[1]);
client.connect().then(() => client.query(process.argv[2])).then(() => client.end());`;

/** What promises something about a database is held to on each of these. */
export const databases: readonly Kind[] = [onSqlite, onPostgres];
