import type { Lease, OpenDatabase } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { LeaseFixture } from '../../src/testing/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { connect } from './fixture.ts';
import { testClock, TestLog } from './follower.ts';

let number = 0;

/** The lease of a database of its own, followed either way. Time passes by what is written down going into the past. */
export function leaseFixture(name: string, server: () => PostgresServer, follow: 'log' | 'triggers'): LeaseFixture {
  return {
    name,
    skip: [],
    async open() {
      const url = await server().createDatabase();
      const slot = `lease_${++number}`;
      const app = await connect(url);
      const all: OpenDatabase[] = [];
      const another = async (): Promise<Lease> => {
        const database = postgres({ url, follow, slot, connections: 2 });
        const open = await database.open([], { setup: 'auto', clock: testClock(), log: new TestLog(), shared: true });
        all.push(open);
        return open.lease as Lease;
      };
      return {
        lease: await another(),
        another,
        pass: (ms) =>
          app.run(`UPDATE rowcast.meta SET value = (value::jsonb || jsonb_strip_nulls(jsonb_build_object(
            ${['from', 'until', 'asked', 'wanted'].map((time) => `'${time}', (value::jsonb->>'${time}')::float8 - ${ms}`).join(', ')})))::text
            WHERE key = 'lease'`),
        async close() {
          await Promise.all([app.close(), ...all.map((each) => each.close())]);
        },
      };
    },
  };
}
