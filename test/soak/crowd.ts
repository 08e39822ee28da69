import type { Line } from './client-judge.ts';
import type { Judge } from './judge.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import { ShippedClient } from './shipped-client.ts';
import type { SoakClient } from './soak-client.ts';
import { ORGS, PEOPLE, REGIONS, TEAMS, type Person } from './tables.ts';
import { WireClient } from './wire-client.ts';

/** How long everything may take to arrive, once nothing is broken any more. */
const QUIET_MS = 60_000;

export const connections = (clients: readonly SoakClient[]): number => clients.reduce((sum, client) => sum + client.connections, 0);

export interface Parties {
  /** Up to when every server has told where it was held up. */
  heard(): number;
  readonly oracle: Oracle;
  readonly judge: Judge;
  readonly clients: readonly SoakClient[];
}

/** Nobody writes and nothing is broken: waits until everything has arrived. Gives what has not. */
export async function quiet({ heard, oracle, judge, clients }: Parties): Promise<readonly string[]> {
  for (const client of clients) client.wake();
  const started = performance.now();
  for (;;) {
    // What came after the server last told where it was held up may have to do with that.
    const before = Math.min(performance.now(), heard());
    await oracle.readAll();
    await judge.settle(before);
    const missing = [
      ...judge.unsettled(),
      ...clients.flatMap((client) => (client instanceof ShippedClient ? judge.collections(client) : [])),
    ];
    if (missing.length === 0 || performance.now() - started > QUIET_MS) return missing;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export interface Making {
  readonly judge: Judge;
  readonly url: string;
  readonly random: Random;
  readonly record: ((client: string, line: Line) => void) | undefined;
}

export function clientNumber(n: number, { judge, url, random, record }: Making): SoakClient {
  const person = PEOPLE[n % PEOPLE.length] as Person;
  const name = `c${n}`;
  const Client = n % 4 === 3 ? ShippedClient : WireClient;
  const { hear } = judge.client(name, person);
  const recorded = (line: Line): void => {
    record?.(name, line);
    hear(line);
  };
  const client = new Client({ name, person, url, random, hear: recorded });
  const choices = [
    () => client.follow('tasks'),
    () => client.follow('notes'),
    () => client.follow('prices'),
    () => client.follow('tasks', { org: random.pick(person.orgs), team: random.pick(TEAMS) }),
    () => client.follow('tasks', { org: random.pick(person.orgs), team: random.pick(TEAMS) }),
    () => client.follow('places', { region: random.pick(REGIONS) }),
    () => client.follow('docs', { org: random.pick(ORGS) }),
    () => client.follow('docs', { org: random.pick(ORGS) }),
  ];
  for (const choose of random.some(choices, random.between(2, choices.length))) choose();
  return client;
}

/** Something that a client does by itself: it writes. Some of it is refused, by whoever they are and whatever is there. */
export function act(client: SoakClient, random: Random): void {
  if (!client.awake || client.waiting > 10) return;
  const title = `${client.mark} by a client`;
  switch (random.weighed({ createTask: 3, updateTask: 3, deleteTask: 1, createDoc: 1, updateDoc: 2, notWritable: 0.5, readOnly: 0.3 })) {
    case 'createTask':
      client.write(
        { stream: 'tasks', action: 'create', params: { org: random.pick(ORGS), team: random.pick(TEAMS) } },
        { title, rank: '9007199254740993' },
      );
      return;
    case 'updateTask':
      client.write({ stream: 'tasks', action: 'update', pk: random.below(160) }, { title });
      return;
    case 'deleteTask':
      client.write({ stream: 'tasks', action: 'delete', pk: random.below(160) });
      return;
    case 'createDoc':
      client.write({ stream: 'docs', action: 'create', params: { org: random.pick(ORGS) } }, { title });
      return;
    case 'updateDoc':
      client.write({ stream: 'docs', action: 'update', pk: random.below(80) }, { title });
      return;
    case 'notWritable':
      client.write({ stream: 'tasks', action: 'update', pk: random.below(160) }, { secret: title });
      return;
    case 'readOnly':
      client.write({ stream: 'notes', action: 'update', pk: random.below(90) }, { text: title });
      return;
  }
}
