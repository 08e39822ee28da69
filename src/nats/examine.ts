import type { NatsConnection } from '@nats-io/transport-node';
import type { Finding } from '../core/index.ts';
import { Line } from './line.ts';
import { apiOf, type NatsOptions } from './stream.ts';

interface Answer {
  readonly error?: { readonly code: number; readonly description?: string };
}

interface Account extends Answer {
  readonly storage: number;
  readonly streams: number;
  readonly limits: { readonly max_storage: number; readonly max_streams: number; readonly max_bytes_required?: boolean };
}

interface Listed extends Answer {
  readonly total: number;
  readonly streams: readonly StreamLook[] | null;
}

interface StreamLook {
  readonly config: {
    readonly name: string;
    readonly num_replicas: number;
    readonly storage: 'file' | 'memory';
    readonly max_age: number;
    readonly max_msgs: number;
    readonly max_bytes: number;
    readonly discard: string;
    readonly sealed?: boolean;
    readonly deny_purge?: boolean;
  };
  readonly state: { readonly messages: number; readonly bytes: number; readonly last_ts: string };
}

const NOT_LOGGED = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** The least version that has what is used: consumers that pull with heartbeats, and the expected sequence of a subject. */
const LEAST = [2, 9] as const;
/** From here on what JetStream has acknowledged was tested against power cuts, and can be synced at each write. */
const DURABLE = [2, 12, 3] as const;
/** A ledger that nobody has written to for so long is probably another history's: ms. */
const STALE = 30 * 24 * 60 * 60 * 1_000;

/** Looks at what a ledger and a bus need of a NATS server; changes nothing, and never rejects. */
export async function examine(to: string | NatsConnection, options: NatsOptions): Promise<readonly Finding[]> {
  let line: Line;
  try {
    line = await Line.open(to, NOT_LOGGED);
  } catch (error) {
    return [bad('nats', (error as Error).message, 'start it: nats-server -js -sd /var/lib/nats')];
  }
  try {
    const ask = async <T extends Answer>(what: string, body: object = {}): Promise<T> =>
      (await line.ask(`${apiOf(options.domain)}.${what}`, JSON.stringify(body))).json<T>();
    const found = await jetStreamFindings(ask, line, options).catch((error: unknown) => [
      bad('jetstream', (error as Error).message, 'start the server with -js, or put `jetstream { store_dir: "…" }` in its configuration'),
    ]);
    return [...serverFindings(line), ...found];
  } finally {
    await line.close();
  }
}

function serverFindings({ info, largest }: Line): readonly Finding[] {
  const version = (info?.version ?? '0').split(/[.-]/).map(Number);
  const found: Finding[] = [];
  if (isBefore(version, LEAST)) found.push(bad('version', `nats-server ${info?.version} is too old`, 'install nats-server 2.9 or later'));
  else found.push(ok('version', `nats-server ${info?.version}`));
  if (isBefore(version, DURABLE)) {
    const message = `nats-server ${info?.version} may lose what it acknowledged when the power is cut; what is lost is read from the database again`;
    found.push(warning('durability', message, 'install nats-server 2.12.3 or later, and set `jetstream { sync_interval: always }`'));
  } else {
    const message =
      'a server does not tell its sync_interval, which is 2 minutes unless set: what a power cut takes is read from the database again';
    found.push(ok('durability', message));
  }
  if (largest < 64 * 1024)
    found.push(warning('max_payload', `the server takes ${largest} bytes at once: each append is cut in many`, 'set max_payload: 1MB'));
  return found;
}

type Ask = <T extends Answer>(what: string, body?: object) => Promise<T>;

async function jetStreamFindings(ask: Ask, { info }: Line, options: NatsOptions): Promise<readonly Finding[]> {
  const account = await ask<Account>('INFO');
  if (account.error) {
    return [bad('jetstream', account.error.description ?? 'JetStream refuses', 'turn JetStream on for this account: `jetstream: enabled`')];
  }
  const found = [ok('jetstream', `JetStream is on, ${account.streams} streams`)];
  const { max_storage, max_streams, max_bytes_required } = account.limits;
  if (max_storage >= 0 && account.storage > 0.8 * max_storage) {
    found.push(
      warning('storage', `${account.storage} of ${max_storage} bytes are used`, 'give the account more storage, or delete streams'),
    );
  }
  if (max_streams >= 0 && account.streams >= max_streams) {
    found.push(warning('streams', `the account has as many streams as it may, ${max_streams}`, 'raise max_streams, or delete streams'));
  }
  if (max_bytes_required) {
    found.push(bad('limits', 'the account asks each stream for a largest size', 'unset max_bytes_required: the ledger trims itself'));
  }
  const prefix = `${options.prefix ?? 'rowcast'}_`;
  for (let offset = 0; ;) {
    const listed = await ask<Listed>('STREAM.LIST', { offset });
    const streams = listed.streams ?? [];
    for (const stream of streams)
      if (stream.config.name.startsWith(prefix)) found.push(...streamFindings(stream, info?.cluster !== undefined));
    offset += streams.length;
    if (streams.length === 0 || offset >= listed.total) return found;
  }
}

function streamFindings({ config, state }: StreamLook, isCluster: boolean): readonly Finding[] {
  const { name } = config;
  const about = `stream ${name}`;
  const found: Finding[] = [];
  if (isCluster && config.num_replicas < 3) {
    const message = `${config.num_replicas} of the cluster's servers keeps the ledger: while it is away nothing is delivered`;
    found.push(warning(about, message, `nats stream edit ${name} --replicas 3`));
  }
  if (config.storage === 'memory') {
    const message = 'the ledger is kept in memory: a restart loses it, and it is read from the database again';
    found.push(warning(about, message, `with no process running, nats stream rm ${name}; then storage: 'file'`));
  }
  if (config.max_age > 0 || config.max_msgs > 0 || config.max_bytes > 0 || config.discard !== 'old') {
    const message = 'the stream has limits of its own: when the last message goes by them, everybody reads again';
    found.push(warning(about, message, `nats stream edit ${name} --max-age 0 --max-msgs=-1 --max-bytes=-1 --discard old`));
  }
  if (config.sealed) found.push(bad(about, 'the stream is sealed: nothing can be appended', `nats stream rm ${name}`));
  if (config.deny_purge) {
    found.push(warning(about, 'the stream cannot be purged: it grows for ever', `with no process running, nats stream rm ${name}`));
  }
  if (state.messages > 0 && Date.now() - Date.parse(state.last_ts) > STALE) {
    const message = `nobody has written since ${state.last_ts}: ${state.bytes} bytes, perhaps of a database that is gone`;
    found.push(warning(about, message, `nats stream rm ${name}`));
  }
  return found.length > 0 ? found : [ok(about, `${state.messages} messages, ${state.bytes} bytes, ${config.num_replicas} replicas`)];
}

function isBefore(version: readonly number[], least: readonly number[]): boolean {
  for (const [index, part] of least.entries()) {
    const own = version[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}

function ok(about: string, message: string): Finding {
  return { about, level: 'ok', message, cure: [] };
}

function warning(about: string, message: string, cure: string): Finding {
  return { about, level: 'warning', message, cure: [cure] };
}

function bad(about: string, message: string, cure: string): Finding {
  return { about, level: 'error', message, cure: [cure] };
}
