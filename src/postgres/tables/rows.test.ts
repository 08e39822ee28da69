import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { empty } from '../../../test/pglite/fixture.ts';
import { MOMENT_LAWS } from '../../../test/postgres/moment-laws.ts';
import { rowsSiteOnPglite, rowsSiteOnServer } from '../../../test/postgres/rows-sites.ts';
import { ROWS_LAWS } from '../../../test/postgres/rows-laws.ts';
import { siteOn } from '../../../test/postgres/setup-laws.ts';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

describe('rows of Postgres 18', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ settings: CAPPED });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  for (const [name, law] of Object.entries(ROWS_LAWS)) {
    test(name, async () => {
      await using site = await rowsSiteOnServer(server);
      await law(site);
    });
  }
  for (const [name, law] of Object.entries(MOMENT_LAWS)) {
    test(name, async () => {
      await using site = await siteOn(server);
      await law(site, server);
    });
  }
});

describe('rows of PGlite', () => {
  let db: PGlite;
  beforeAll(async () => void (db = await PGlite.create()), 60_000);
  afterAll(() => db.close());
  for (const [name, law] of Object.entries(ROWS_LAWS)) {
    test(name, async () => {
      await empty(db);
      await using site = await rowsSiteOnPglite(db);
      await law(site);
    });
  }
});
