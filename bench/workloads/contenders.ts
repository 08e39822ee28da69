import { basename } from 'node:path';
import type { DialectName } from '../load/dialects.ts';
import { Part, type Cpu } from '../process.ts';

/** A server, and the clients that hang on it. */
export interface Contender {
  readonly server: Part;
  readonly sink: Part;
  /** More clients of it, in a process of their own. */
  more(sink: Part, clients: { readonly sockets: number; readonly numbered: number }): Promise<void>;
}

/** A server's part, and what its clients speak where that is more than bare frames. */
export type Rival = string | { readonly part: string; readonly dialect: DialectName };

export interface Field {
  /** The part of each server, by contender; Rowcast's first. What other contenders are is this table's alone. */
  readonly servers: { readonly rowcast: string } & Readonly<Record<string, Rival>>;
  readonly sockets: number;
  /** What each server is told before it listens. */
  readonly listen?: object;
  /** The stream that Rowcast's clients ask for. */
  readonly stream: string;
  /** Each client says which one it is, `/?n=17`, from this number on. */
  readonly numbered?: number;
  /** Another checkout: its Rowcast, by clients of its own, which speak its wire. */
  readonly against?: string | undefined;
}

/** Servers of the same job, each with clients of its own. All are there when it resolves. */
export async function contenders(field: Field): Promise<Readonly<Record<string, Contender>> & AsyncDisposable> {
  const { servers, against, sockets, listen = {}, stream, numbered } = field;
  const open: Record<string, Contender> = {};
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(open).flatMap(({ server, sink }) => [server.stop(), sink.stop()]));
  };
  const all = [
    ...Object.entries(servers).map(([name, rival]) => ({ name, ...named(rival), from: undefined, ours: name === 'rowcast' })),
    ...(against === undefined ? [] : [{ name: basename(against), ...named(servers.rowcast), from: against, ours: true }]),
  ];
  try {
    await Promise.all(
      all.map(async ({ name, part, dialect, from, ours }) => {
        const [server, sink] = [new Part(part, from), new Part(dialect ? 'peer-sink' : 'sink', from)];
        const wire = dialect ? { dialect } : ours ? { protocol: 'rowcast.1', asked: [{ stream }] } : { protocol: '', asked: [] };
        const target = { port: 0, path: '/', ...wire };
        open[name] = { server, sink, more: (other, clients) => other.ask('open', { ...target, ...clients }) };
        target.port = await server.ask<number>('listen', listen);
        await sink.ask('open', { ...target, sockets, ...(numbered !== undefined && { numbered }) });
      }),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return Object.defineProperty(open, Symbol.asyncDispose, { value: close, enumerable: false }) as never;
}

function named(rival: Rival): Exclude<Rival, string> | { readonly part: string; readonly dialect?: undefined } {
  return typeof rival === 'string' ? { part: rival } : rival;
}

export interface Cost {
  /** Microseconds of the server's CPU, user and system. */
  readonly us: number;
  /** … of time, until the last client had everything. */
  readonly tookUs: number;
  readonly deliveries: number;
}

/** Runs the server, which says how many messages to sockets that is, until the clients have got them. */
export async function cost(
  { server, sink }: Contender,
  { call = 'run', ...run }: { call?: string } & Record<string, unknown>,
): Promise<Cost> {
  const before = await server.ask<Cpu>('cpu');
  const begin = performance.now();
  const deliveries = await server.ask<number>(call, run);
  await sink.ask('total', { commits: deliveries });
  const tookUs = (performance.now() - begin) * 1_000;
  return { us: (await server.ask<Cpu>('cpu')).us - before.us, tookUs, deliveries };
}

/** The same for each contender. */
export function each<T>(
  all: Readonly<Record<string, Contender>>,
  one: (contender: Contender) => Promise<T>,
): Record<string, () => Promise<T>> {
  return Object.fromEntries(Object.entries(all).map(([name, contender]) => [name, () => one(contender)]));
}
