import { Arrivals, machineMs } from '../load/arrivals.ts';
import { LoadClient, type Asking, type Wish } from '../load/client.ts';
import type { Target } from '../load/upgrade.ts';
import { answer } from '../process.ts';

// Many clients in one process that only ask and count: their cost must not be what is measured.

/** What clients ask for. `by`: each its own of so many, by that column; `only`: the first so many. */
interface Asked {
  readonly stream: string;
  readonly by?: { readonly column: string; readonly of: number; readonly plus?: number };
  readonly only?: number;
}

const clients: LoadClient[] = [];
let target: Target & { readonly numbered?: number } = { port: 0, path: '/', protocol: '' };
let views: readonly Asked[] = [];
/** The first so many are not counted. */
let uncounted = 0;
let total = 0;
let wanted = Infinity;
let reached: (() => void) | null = null;
let arrivals: Arrivals | null = null;
let single = false;

function wishes(client: number): readonly Wish[] {
  return views
    .filter(({ only = Infinity }) => client < only)
    .map(({ stream, by }) => (by ? { stream, params: { [by.column]: (client + (by.plus ?? 0)) % by.of } } : { stream }));
}

function came(client: number): void {
  if (client < uncounted) return;
  total++;
  if (single) arrivals?.note(0, total - 1);
  else arrivals?.note(client, (clients[client] as LoadClient).commits - 1);
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

interface Entering {
  readonly first?: number;
  readonly count: number;
  /** So many at a time. */
  readonly abreast: number;
  readonly asking: Asking;
  /** False: the next time they come back from where they were before. */
  readonly keep?: boolean;
}

/** Gives the ms until the last has what it asks for. */
async function enter({ first = 0, count, abreast, asking, keep = true }: Entering): Promise<number> {
  const begin = machineMs();
  let next = first;
  const one = async (): Promise<void> => {
    while (next < first + count) {
      const at = next++;
      await (clients[at] as LoadClient).open(wishes(at), asking, keep);
    }
  };
  await Promise.all(Array.from({ length: Math.min(abreast, count) }, one));
  return machineMs() - begin;
}

async function add(sockets: number): Promise<void> {
  const first = clients.length;
  for (let made = first; made < first + sockets; made++) {
    const at = target.numbered === undefined ? target : { ...target, path: `${target.path}?n=${target.numbered + made}` };
    clients.push(new LoadClient(at, `load-${made.toString().padStart(8, '0')}`, () => came(made)));
  }
  await enter({ first, count: sockets, abreast: 100, asking: views.length > 0 ? 'anew' : 'nothing' });
  forget();
}

answer({
  /** Resolves when all are there and have what they asked for. `numbered`: each says in its path which one it is, `?n=17`, from that number on. */
  async open({ sockets, asked = [], ...at }: Target & { sockets: number; asked?: readonly Asked[]; numbered?: number }) {
    views = asked;
    target = at;
    await add(sockets);
  },
  /** As many more. */
  more: ({ sockets }: { sockets: number }) => add(sockets),
  async leave({ from = 0, count = Infinity }: { from?: number; count?: number }) {
    await Promise.all(clients.slice(from, from + count).map((client) => client.leave()));
  },
  /** The first `count` of them come (again). */
  async enter(how: Entering) {
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
  async frames({ each }: { each: number }) {
    const listening = clients.slice(uncounted);
    await until(each * listening.length);
    const odd = listening.find(({ commits }) => commits !== each);
    if (odd) throw new Error(`a client had ${odd.commits} commits, not ${each}`);
    forget();
  },
  /** Resolves once all clients together have had this many commits since the last call; throws when it is more. */
  async total({ commits }: { commits: number }) {
    await until(commits);
    if (total > commits) throw new Error(`${total} commits came, not ${commits}`);
    forget();
  },
  /** `one`: they come one at a time, each to one client, whichever it is. */
  note({ commits, one = false }: { commits: number; one?: boolean }) {
    single = one;
    arrivals = new Arrivals(one ? 1 : clients.length, commits);
  },
  ways: ({ sent }: { sent: readonly number[] }) => arrivals?.ways(sent),
  /** From here on the first so many are not counted. */
  leaveOut({ count }: { count: number }) {
    uncounted = count;
    forget();
  },
  /** These stop reading. */
  stall({ from, count }: { from: number; count: number }) {
    for (const client of clients.slice(from, from + count)) client.pause();
  },
});
