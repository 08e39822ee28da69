import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { sql, type SQL } from 'drizzle-orm';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { z } from 'zod';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, commandFor, refuse } from '../../src/main/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';
import { folder } from '../support/folder.ts';
import { world } from '../support/world.ts';

const post = sqliteTable('post', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  title: text('title').notNull(),
  note: text('note').notNull().default(''),
});
const deed = sqliteTable('deed', { id: integer('id').primaryKey(), text: text('text').notNull(), post: integer('post').notNull() });

/** Every text that is ever written, a deed each time that it is: whoever wrote it, and however often. A row that goes is the deed `-<key>`. */
const TABLES = `
  CREATE TABLE post (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, note TEXT NOT NULL DEFAULT '');
  CREATE TABLE deed (id INTEGER PRIMARY KEY, text TEXT NOT NULL, post INTEGER NOT NULL);
  CREATE TRIGGER made AFTER INSERT ON post BEGIN INSERT INTO deed (text, post) VALUES (new.title, new.id); END;
  CREATE TRIGGER titled AFTER UPDATE OF title ON post BEGIN INSERT INTO deed (text, post) VALUES (new.title, new.id); END;
  CREATE TRIGGER noted AFTER UPDATE OF note ON post BEGIN INSERT INTO deed (text, post) VALUES (new.note, new.id); END;
  CREATE TRIGGER gone AFTER DELETE ON post BEGIN INSERT INTO deed (text, post) VALUES ('-' || old.id, old.id); END;`;

/** A number of at least 0 and less than 1 that this text has. */
export function fate(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

/** Hooks that take their time, and say no to one in so many, by what is written. */
async function byChance(what: string): Promise<boolean> {
  const lot = fate(what);
  for (let turns = Math.floor(lot * 4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  if (lot > 0.9) await new Promise((resolve) => setTimeout(resolve, (lot - 0.9) * 60));
  return fate(`${what}?`) > 0.12;
}

interface Tx {
  run(query: SQL): unknown;
  all(query: SQL): readonly unknown[];
}

type User = { readonly id: string } | null;
type Permits = (what: string) => boolean | Promise<boolean>;

const binding = bindingFor<User, Tx>();
const postsOf = (permits: Permits) =>
  binding(drizzle(post), {
    fields: ['id', 'title', 'note'],
    writable: ['title', 'note'],
    groupNames: () => ['all'],
    hasPermission: (_user, action, pk, { data }) => permits(action === 'delete' ? `-${String(pk)}` : `${data.title ?? data.note}`),
  });
const deeds = binding(drizzle(deed), { fields: ['id', 'text', 'post'], groupNames: () => ['all'] });
/** Does what several writes would: all of it, or nothing. */
const retitleOf = (permits: Permits) =>
  commandFor<User, Tx>()({
    input: z.object({ titles: z.array(z.tuple([z.number(), z.string()])), mark: z.string().optional() }),
    allow: (_user, { titles: [first] }) => !first || permits(first[1]),
    run(tx, { titles, mark }) {
      for (const [id, title] of titles) {
        tx.run(sql`UPDATE post SET title = ${title} WHERE id = ${id}`);
        if (tx.all(sql`SELECT id FROM post WHERE id = ${id}`).length === 0) refuse('not_found', 'it is gone');
      }
      if (mark !== undefined) tx.run(sql`INSERT INTO deed (text, post) VALUES (${mark}, 0)`);
      return titles.length;
    },
  });

export interface AppOptions {
  /** Commits that are remembered for those who come back; default: all. */
  readonly window?: number;
  /** By its text, or `-<key>` for a row that is to go. Default: by chance, after a while. */
  readonly permits?: Permits;
  authenticate?(request: Request): User;
}

/** A real server over a real file, and the app's own way to its rows. */
export async function openApp({ window = 100_000, permits = byChance, authenticate }: AppOptions = {}) {
  const place = folder('rowcast-own-');
  const own = new DatabaseSync(place.at('app.db'), { timeout: 5_000 });
  own.exec(`PRAGMA journal_mode = WAL; ${TABLES}`);
  const [posts, retitle] = [postsOf(permits), retitleOf(permits)];
  const w = await world({ source: sqlite(place.at('app.db')), bindings: { posts, deeds }, window: { entries: window } });
  w.live.endpoint('/', {
    consumers: { posts, deeds, retitle },
    connectionGroups: () => ['all'],
    limits: { framesPerSecond: 100_000, burst: 100_000 },
    ...(authenticate && { authenticate }),
  });
  return {
    live: w.live,
    url: w.url('/'),
    notes: w.notes,
    /** One transaction of the app's own. */
    commit(work: (run: (query: string, ...values: readonly (string | number)[]) => void, own: DatabaseSync) => void): void {
      own.exec('BEGIN IMMEDIATE');
      try {
        work((query, ...values) => void own.prepare(query).run(...values), own);
        own.exec('COMMIT');
      } catch (error) {
        own.exec('ROLLBACK');
        throw error;
      }
    },
    rows: () => own.prepare('SELECT id, title, note FROM post ORDER BY id').all() as unknown as readonly PostRow[],
    texts: () =>
      (own.prepare('SELECT text FROM deed ORDER BY id').all() as unknown as readonly { readonly text: string }[]).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      await w[Symbol.asyncDispose]();
      own.close();
      place[Symbol.dispose]();
    },
  };
}

export interface PostRow {
  readonly id: number;
  readonly title: string;
  readonly note: string;
}

export type App = Awaited<ReturnType<typeof openApp>>;
