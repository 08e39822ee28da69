/**
 * From what an app does to what it takes: processes, memory, network, database and broker. Its costs are those measured on the machine that
 * docs/bench.md names; docs/scale.md says what it assumes.
 *
 * @example node docs/calculator.ts --clients 100000 --commits 200 --seen 50
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** What an app does, at its busiest. */
export interface Load {
  /** Connections, all told. */
  readonly clients: number;
  /** Groups that somebody is in. */
  readonly groups: number;
  /** Commits to bound tables, a second. */
  readonly commits: number;
  /** Rows that one of them changes. */
  readonly rows: number;
  /** Connections that see a changed row, on average. */
  readonly seen: number;
  /** Listed fields of a row, as JSON, bytes. */
  readonly bytes: number;
  /** Seconds that a client may be away and still be told what it missed. */
  readonly window: number;
  /** Share of a core that may be busy: the rest is for storms, and for a process that dies. */
  readonly busy: number;
}

/** µs of CPU and bytes that one of each takes. */
export interface Costs {
  /** A write to a socket, with the first row in it. */
  readonly write: number;
  /** Each row more in a write. */
  readonly row: number;
  /** A row read off the database's log, and routed. */
  readonly relayed: number;
  /** A row taken from the ledger and looked up by its groups: by every gateway, whoever sees it. */
  readonly followed: number;
  readonly connection: number;
  readonly group: number;
  readonly atRest: number;
}

export interface Sizing {
  /** Processes, a core each. */
  readonly gateways: number;
  /** What decides that. */
  readonly by: 'processor' | 'connections' | 'log';
  /** Share of a core that each is busy. */
  readonly busy: number;
  readonly connectionsEach: number;
  /** Bytes of each. */
  readonly memory: number;
  readonly deliveries: number;
  readonly writes: number;
  /** Share of a core of who reads the log for all. */
  readonly relay: number;
  /** Bytes a second: to clients, and from the broker to the gateways. */
  readonly toClients: number;
  readonly fromBroker: number;
  /** Bytes that the broker keeps for the window. */
  readonly kept: number;
  /** What will not do as it stands. */
  readonly warnings: readonly string[];
}

/** Connections that one process is meant to hold: a storm of all of them is a few seconds. */
const CONNECTIONS = 50_000;
/** Bytes around a row in a frame, and in an entry. */
const FRAME = 60;
const ENTRY = 150;
/** Changes a second that one ledger was measured to take: docs/bench.md, “broker”. */
const LEDGER = 360_000;
/** What a process keeps of the window, at most: the default of `window.bytes`, and what that takes in memory. */
const WINDOW = 64 * 2 ** 20;
const KEPT = 1.4;

/** @throws {RangeError} for what is no number, or below 0. */
export function sizing(load: Load, costs: Costs): Sizing {
  for (const [name, value] of Object.entries(load)) {
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${name} is a number, 0 or more`);
  }
  if (load.busy <= 0 || load.busy > 1) throw new RangeError('--busy is a share of a core: over 0, and at most 1');
  const { clients, commits, rows, seen, bytes, busy } = load;
  const changes = commits * rows;
  const writes = commits * Math.min(seen, clients);
  const deliveries = writes * rows;
  const toAll = (writes * costs.write + (deliveries - writes) * costs.row) / 1e6;
  // Every gateway follows the whole log: that part of a core is gone in each of them.
  const following = (changes * costs.followed) / 1e6;
  const room = busy - following;
  const forProcessor = room > 0 ? Math.ceil(toAll / room) : Infinity;
  const forConnections = Math.ceil(clients / CONNECTIONS);
  const gateways = Math.max(1, forConnections, forProcessor);
  const connectionsEach = Number.isFinite(gateways) ? Math.ceil(clients / gateways) : 0;
  const entry = bytes + ENTRY;
  const kept = Math.min(changes * load.window * entry, WINDOW);
  const relay = (changes * costs.relayed) / 1e6;
  const warnings: string[] = [];
  if (room <= 0) warnings.push('one process cannot follow the whole log: split it (by database, or by tenant), one relay each');
  if (relay > busy) warnings.push('one relay cannot read the whole log: split it (by database, or by tenant)');
  if (changes > LEDGER) warnings.push(`one ledger was measured to take ${LEDGER.toLocaleString('en')} changes a second: split it`);
  if (changes * load.window * entry > WINDOW) {
    const seconds = Math.floor(WINDOW / (changes * entry));
    warnings.push(
      `the default window of 64 MiB reaches back ${seconds} s: give it more \`bytes\`, or clients that were away longer read again`,
    );
  }
  return {
    gateways,
    by: room <= 0 ? 'log' : forProcessor >= forConnections ? 'processor' : 'connections',
    busy: following + (Number.isFinite(gateways) ? toAll / gateways : 0),
    connectionsEach,
    memory: costs.atRest + connectionsEach * costs.connection + load.groups * costs.group + kept * KEPT,
    deliveries,
    writes,
    relay,
    toClients: deliveries * (bytes + FRAME),
    fromBroker: Number.isFinite(gateways) ? changes * entry * gateways : Infinity,
    kept: changes * load.window * entry,
    warnings,
  };
}

interface Published {
  readonly results: readonly {
    readonly workload: string;
    readonly figure: string;
    readonly contenders: Readonly<Record<string, { readonly median: number }>>;
  }[];
}

/** The costs, as they were published last. @throws {Error} where a figure is not there any more. */
export function costsOf(published: Readonly<Record<string, Published>>): Costs {
  const of = (workload: string, start: string, figure: string): number => {
    const result = published[workload]?.results.find((each) => each.workload.startsWith(start) && each.figure === figure);
    const median = result?.contenders['rowcast']?.median;
    if (median === undefined) throw new Error(`docs/bench/results.json has no "${figure}" of "${start}": publish that workload`);
    return median;
  };
  const cpu = 'µs CPU per delivery';
  return {
    write: of('fanout', 'fan-out: 1 row to 5000 sockets, 1 per tick', cpu),
    row: of('fanout', 'fan-out: 1 row to 5000 sockets, 16 per tick', cpu),
    relayed: of('capture', 'a backlog of updates told', 'µs of the server’s CPU per row'),
    followed:
      of('capture', 'a backlog of updates told', 'µs of the server’s CPU per row') -
      of('capture', 'pgoutput', 'µs of the reader’s CPU per row'),
    connection: of('memory', 'an idle connection', 'KiB of RSS') * 1_024,
    group: (of('memory', '100000 groups', 'MiB of RSS beyond that of the connections') * 2 ** 20) / 100_000,
    atRest: of('start', 'an app on SQLite', 'MiB of RSS at rest') * 2 ** 20,
  };
}

const DEFAULTS: Load = { clients: 10_000, groups: 10_000, commits: 50, rows: 1, seen: 20, bytes: 300, window: 60, busy: 0.5 };

function tellOf(load: Load, made: Sizing): string {
  const number = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString('en') : 'none is enough');
  const size = (bytes: number): string => (bytes < 2 ** 20 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${number(bytes / 2 ** 20)} MiB`);
  const share = (part: number): string => `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} % of a core`;
  const lines = [
    ['changes a second', number(load.commits * load.rows)],
    ['deliveries a second', `${number(made.deliveries)} in ${number(made.writes)} writes`],
    ['gateways, a core each', `${number(made.gateways)} (for its ${made.by})`],
    ['each: connections', number(made.connectionsEach)],
    ['each: busy', share(made.busy)],
    ['each: memory', size(made.memory)],
    ['the relay, among them', share(made.relay)],
    ['to clients, a second', size(made.toClients)],
    ['from the broker, a second', made.gateways > 1 ? size(made.fromBroker) : 'no broker is needed'],
    ['the window holds', size(made.kept)],
  ] as const;
  const width = Math.max(...lines.map(([name]) => name.length));
  return [...lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`), ...made.warnings.map((warning) => `! ${warning}`)].join('\n');
}

if (import.meta.main) {
  const options = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, { type: 'string' as const }]));
  try {
    const { values } = parseArgs({ options: { ...options, json: { type: 'boolean' as const } } });
    const given = Object.entries(values).filter(([name]) => name !== 'json');
    const load = { ...DEFAULTS, ...Object.fromEntries(given.map(([name, value]) => [name, Number(value)])) };
    const results = readFileSync(new URL('bench/results.json', import.meta.url), 'utf8');
    const made = sizing(load, costsOf(JSON.parse(results) as Record<string, Published>));
    process.stdout.write(`${values['json'] === true ? JSON.stringify({ load, ...made }) : tellOf(load, made)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
