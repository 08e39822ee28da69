import type { DatabaseFixture, Skip } from '../../src/testing/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { freshWorld, logFixture } from './fixture.ts';
import { siteOn, type Site } from './setup-laws.ts';

/** The body under test: a real server, followed by triggers. */
export function triggersFixture(name: string, server: () => PostgresServer, skip: readonly Skip[] = []): DatabaseFixture {
  return { ...logFixture(name, server, skip), fresh: () => freshWorld(server(), { follow: 'triggers' }) };
}

/** An empty database on a server, and Rowcast's side of it by triggers. */
export async function triggerSiteOn(server: PostgresServer): Promise<Site> {
  const site = await siteOn(server);
  return { ...site, database: (options) => site.database({ follow: 'triggers', ...options }) };
}
