import { PGlite } from '@electric-sql/pglite';
import { sql as raw } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pglite';
import { drizzle as drizzle1 } from 'drizzle-orm-1/pglite';
import type { Row } from '../../src/core/index.ts';
import { pglite } from '../../src/pglite/index.ts';
import type { Connection, DatabaseFixture, Skip } from '../../src/testing/index.ts';

/**
 * Empty databases one after the other, all in one PGlite: a start takes seconds. It is one connection, so the app, Rowcast and "somebody
 * else" are the same session.
 */
export function pgliteFixture(skip: readonly Skip[] = []): DatabaseFixture & { close(): Promise<void> } {
  let started: Promise<PGlite> | null = null;
  return {
    name: 'PGlite',
    dialect: 'postgres',
    skip,
    async fresh() {
      const db = await (started ??= PGlite.create());
      await db.exec('ROLLBACK'); // of a law that failed halfway
      await empty(db);
      const connection: Connection = {
        run: async (statement) => void (await db.exec(statement)),
        all: async (query) => (await db.query<Row>(query)).rows,
        close: () => Promise.resolve(),
      };
      return {
        database: () => pglite(db),
        app: connection,
        other: () => Promise.resolve(connection),
        transactions: {
          PGlite: async (work) => void (await db.transaction(async (tx) => work(tx, (statement) => tx.exec(statement)))),
          'Drizzle 0.45': async (work) => void (await drizzle({ client: db }).transaction(async (tx) => work(tx, executed(tx)))),
          'Drizzle 1.0': async (work) => void (await drizzle1({ client: db }).transaction(async (tx) => work(tx, executed(tx)))),
        },
        close: () => Promise.resolve(),
      };
    },
    inHook: (tx, statement) => executed(tx)(statement),
    close: async () => (await started)?.close(),
  };
}

function executed(tx: unknown): (statement: string) => Promise<void> {
  return async (statement) => void (await (tx as { execute(query: unknown): Promise<unknown> }).execute(raw.raw(statement)));
}

/** Everything a test may have made, event triggers first: they see the rest go. */
export async function empty(db: PGlite): Promise<void> {
  const drops = await db.query<{ drop: string }>(
    `SELECT format('DROP EVENT TRIGGER %I', evtname) AS drop FROM pg_event_trigger
     UNION ALL
     SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'`,
  );
  for (const { drop } of drops.rows) await db.exec(drop);
  await db.exec('CREATE SCHEMA public');
}
