import { Arrivals } from '../load/arrivals.ts';
import { LoadClient, type Asking, type Target, type Wish } from '../load/client.ts';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';

// Many clients in one process that only ask and count: their cost must not be what is measured.

/** What each client asks for. `by`: its own of so many, by that column. */
export interface Asked {
  readonly stream: string;
  readonly by?: { readonly column: string; readonly of: number };
}

const clients: LoadClient[] = [];
let views: readonly Asked[] = [];
let total = 0;
let wanted = Infinity;
let reached: (() => void) | null = null;
let arrivals: Arrivals | null = null;

function wishes(client: number): readonly Wish[] {
  return views.map(({ stream, by }) => (by ? { stream, params: { [by.column]: client % by.of } } : { stream }));
}

function came(client: number): void {
  total++;
  arrivals?.note(client, (clients[client] as LoadClient).commits - 1);
  if (total >= wanted) reached?.();
}

function until(commits: number): Promise<void> {
  wanted = commits;
  if (total >= wanted) return Promise.resolve();
  return new Promise((resolve) => (reached = resolve));
}

function forget(): void {
  total = 0;
  wanted = Infinity;
  for (const client of clients) {
    client.commits = client.rows = 0;
    client.resets.length = 0;
  }
}

/** So many clients, so many at a time. Gives the ms until the last was ready. */
async function enter({ count, abreast, asking }: { count: number; abreast: number; asking: Asking }): Promise<number> {
  const begin = machineMs();
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      await (clients[at] as LoadClient).open(wishes(at), asking);
    }
  };
  await Promise.all(Array.from({ length: Math.min(abreast, count) }, one));
  return machineMs() - begin;
}

answer({
  /** Resolves when all are there and have what they asked for. */
  async open({ sockets, asked = [], ...target }: Target & { sockets: number; asked?: readonly Asked[] }) {
    views = asked;
    for (let made = 0; made < sockets; made++) {
      clients.push(new LoadClient(target, `load-${made.toString().padStart(8, '0')}`, () => came(made)));
    }
    await enter({ count: sockets, abreast: 100, asking: asked.length > 0 ? 'anew' : 'nothing' });
    forget();
  },
  leave: async () => void (await Promise.all(clients.map((client) => client.leave()))),
  /** The first `count` of them come (again). */
  async enter(how: { count: number; abreast: number; asking: Asking }) {
    forget();
    const ms = await enter(how);
    const there = clients.slice(0, how.count);
    return {
      ms,
      commits: total,
      rows: there.reduce((sum, { rows }) => sum + rows, 0),
      resets: [...new Set(there.flatMap(({ resets }) => resets))],
    };
  },
  /** All who are there ask for more, at once. Gives the ms until the last was ready. */
  async ask({ asked }: { asked: readonly Asked[] }) {
    views = asked;
    const begin = machineMs();
    await Promise.all(clients.map((client, at) => client.ask(wishes(at))));
    return machineMs() - begin;
  },
  /** Resolves once the clients have had this many commits each since the last call; throws when some had more than others. */
  async frames({ each, but = 0 }: { each: number; but?: number }) {
    const listening = clients.slice(but);
    await until(each * listening.length);
    const odd = listening.find(({ commits }) => commits !== each);
    if (odd) throw new Error(`a client had ${odd.commits} commits, not ${each}`);
    forget();
  },
  note({ commits }: { commits: number }) {
    arrivals = new Arrivals(clients.length, commits);
  },
  ways: ({ sent }: { sent: readonly number[] }) => arrivals?.ways(sent),
  /** The first so many stop reading, and go on. */
  stall({ count }: { count: number }) {
    for (const client of clients.slice(0, count)) client.pause();
  },
  go({ count }: { count: number }) {
    for (const client of clients.slice(0, count)) client.resume();
  },
});
