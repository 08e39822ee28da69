import type { Bus, OpenDatabase } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { BusFixture } from '../../src/testing/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { Follower } from './follower.ts';

/** The bus of a database of its own, followed either way, by as many processes as are asked for. */
export function busFixture(name: string, server: () => PostgresServer, follow: 'log' | 'triggers'): BusFixture {
  return {
    name,
    skip: [],
    async open() {
      const url = await server().createDatabase();
      const all: Follower[] = [];
      const another = async (): Promise<Bus> => {
        // Its database's name: slots are the server's.
        const slot = new URL(url).pathname.slice(1);
        const follower = await Follower.of(postgres({ url, follow, connections: 2, ...(follow === 'log' && { slot }) }), []);
        all.push(follower);
        await follower.settled();
        return busOf(follower.open);
      };
      return {
        bus: await another(),
        another,
        async close() {
          await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
        },
      };
    },
  };
}

function busOf({ bus }: OpenDatabase): Bus {
  if (!bus) throw new Error('it has no bus');
  return bus;
}
