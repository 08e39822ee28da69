import type { DatabaseFixture, Skip } from '../../src/testing/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { freshWorld, logFixture } from './fixture.ts';

/** The body under test: a real server, followed by triggers. */
export function triggersFixture(name: string, server: () => PostgresServer, skip: readonly Skip[] = []): DatabaseFixture {
  return { ...logFixture(name, server, skip), fresh: () => freshWorld(server(), { follow: 'triggers' }) };
}
