import type { PGlite } from '@electric-sql/pglite';
import type { Database } from 'better-sqlite3';
import type { Pool } from 'pg';
import * as core045 from 'drizzle-orm';
import { drizzle as betterSqlite045 } from 'drizzle-orm/better-sqlite3';
import { drizzle as nodePostgres045 } from 'drizzle-orm/node-postgres';
import * as pg045 from 'drizzle-orm/pg-core';
import { drizzle as pglite045 } from 'drizzle-orm/pglite';
import * as sqlite045 from 'drizzle-orm/sqlite-core';
import * as core1 from 'drizzle-orm-1';
import { drizzle as betterSqlite1 } from 'drizzle-orm-1/better-sqlite3';
import { drizzle as nodePostgres1 } from 'drizzle-orm-1/node-postgres';
import * as pg1 from 'drizzle-orm-1/pg-core';
import { drizzle as pglite1 } from 'drizzle-orm-1/pglite';
import * as sqlite1 from 'drizzle-orm-1/sqlite-core';
import type { DrizzleTable } from '../../src/drizzle/index.ts';

/** As much of a database handle as tests ask of any. */
export interface Handle {
  select(): { from(table: DrizzleTable): PromiseLike<readonly Readonly<Record<string, unknown>>[]> };
  insert(table: DrizzleTable): { values(values: Readonly<Record<string, unknown>>): PromiseLike<unknown> };
}

/**
 * One copy of drizzle-orm. Both are typed as the older one, which is what a test written once can say; that each is right by its own types
 * is for the type tests.
 */
export interface Copy {
  readonly version: '0.45' | '1.0';
  readonly core: Pick<typeof core045, 'sql'>;
  readonly pg: typeof pg045;
  readonly sqlite: typeof sqlite045;
  /** An array column; two dimensions are declared differently. */
  array(column: object, dimensions?: 1 | 2): pg045.PgColumnBuilderBase;
  pglite(client: PGlite): Handle;
  nodePostgres(pool: Pool): Handle;
  betterSqlite(database: Database): Handle;
}

export const copies: readonly Copy[] = [
  {
    version: '0.45',
    core: core045,
    pg: pg045,
    sqlite: sqlite045,
    array(column, dimensions = 1) {
      const once = (column as pg045.PgTextBuilderInitial<'', [string]>).array();
      return dimensions === 2 ? once.array() : once;
    },
    pglite: (client) => pglite045(client) as unknown as Handle,
    nodePostgres: (pool) => nodePostgres045(pool) as unknown as Handle,
    betterSqlite: (database) => betterSqlite045(database) as unknown as Handle,
  },
  {
    version: '1.0',
    core: core1 as unknown as Copy['core'],
    pg: pg1 as unknown as Copy['pg'],
    sqlite: sqlite1 as unknown as Copy['sqlite'],
    array: (column, dimensions = 1) => (column as { array(form: string): pg045.PgColumnBuilderBase }).array('[]'.repeat(dimensions)),
    pglite: (client) => pglite1({ client }) as unknown as Handle,
    nodePostgres: (pool) => nodePostgres1({ client: pool }) as unknown as Handle,
    betterSqlite: (database) => betterSqlite1({ client: database }) as unknown as Handle,
  },
];
