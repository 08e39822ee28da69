import { RowcastError, type Clock, type Finding } from '../core/index.ts';
import type { Dial } from './clients.ts';
import { Line } from './line.ts';

/** Timers alone: nothing else of a clock is needed to look. */
const CLOCK: Pick<Clock, 'after'> = {
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** What a ledger and a bus need of this server: the contract is `examine` of `core/ports/broker.ts`. */
export async function examine(dial: Dial, patience: number): Promise<readonly Finding[]> {
  let line: Line | undefined;
  try {
    line = await Line.dial(dial, { clock: CLOCK, patience }, new AbortController().signal);
    const facts = factsOf(String(await line.send(['INFO'], null)));
    return [version(facts), eviction(facts), persistence(facts), role(facts), cluster(facts)];
  } catch (error) {
    return [unreachable(error)];
  } finally {
    line?.close();
  }
}

type Facts = ReadonlyMap<string, string>;

function factsOf(info: string): Facts {
  return new Map(
    info.split('\r\n').flatMap((row) => {
      const colon = row.indexOf(':');
      return colon > 0 ? [[row.slice(0, colon), row.slice(colon + 1)] as const] : [];
    }),
  );
}

function unreachable(error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RowcastError && error.code === 'driver_missing') {
    return { about: 'redis', level: 'error', message, cure: ['npm install redis'] };
  }
  const denied = /NOAUTH|WRONGPASS|NOPERM/.test(message);
  const cure = denied
    ? 'Give the URL the user and the password: redis://user:password@host:6379; the user needs +@read +@write +@scripting +@pubsub +info on its keys and channel'
    : 'Start Redis, or correct the URL; from this machine `redis-cli -u URL ping` must answer PONG';
  return { about: 'redis', level: 'error', message, cure: [cure] };
}

function version(facts: Facts): Finding {
  const valkey = facts.get('valkey_version');
  const given = valkey ?? facts.get('redis_version') ?? 'unknown';
  const name = `${valkey === undefined ? 'Redis' : 'Valkey'} ${given}`;
  if (Number.parseInt(given, 10) >= 7) return ok('redis', name);
  return {
    about: 'redis',
    level: 'error',
    message: `this is ${name}: what a script writes reaches replicas and files whole from Redis 7 on`,
    cure: ['Run Redis 7 or later, or Valkey'],
  };
}

function eviction(facts: Facts): Finding {
  const policy = facts.get('maxmemory_policy') ?? 'unknown';
  const about = 'redis maxmemory-policy';
  // Nothing of Rowcast's expires, so it is nothing that a policy for what does would take.
  if (policy === 'noeviction' || policy.startsWith('volatile-')) return ok(about, policy);
  const isBounded = facts.get('maxmemory') !== '0';
  return {
    about,
    level: isBounded ? 'error' : 'warning',
    message: `it is ${policy}: ${isBounded ? 'when memory runs out' : 'once a maxmemory is set'}, the ledger goes, and every client reads its rows again`,
    cure: ['CONFIG SET maxmemory-policy noeviction', 'CONFIG REWRITE'],
  };
}

function persistence(facts: Facts): Finding {
  const about = 'redis appendonly';
  if (facts.get('aof_enabled') === '1') return ok(about, 'yes');
  return {
    about,
    level: 'warning',
    message:
      'a restart of the server empties the ledger, or takes it back to a snapshot: nothing is lost, and clients that come back later read their rows again',
    cure: ['CONFIG SET appendonly yes', 'CONFIG REWRITE'],
  };
}

function role(facts: Facts): Finding {
  const about = 'redis role';
  if (facts.get('role') === 'master') return ok(about, `primary, with ${facts.get('connected_slaves') ?? '0'} replicas`);
  const primary = `${facts.get('master_host')}:${facts.get('master_port')}`;
  return {
    about,
    level: 'error',
    message: `this is a replica of ${primary}, and takes no writes`,
    cure: [`Connect to the primary, ${primary}, or to a name that follows it`],
  };
}

function cluster(facts: Facts): Finding {
  const isCluster = facts.get('cluster_enabled') === '1';
  return ok('redis cluster', isCluster ? 'yes: each ledger is in one slot' : 'no');
}

function ok(about: string, message: string): Finding {
  return { about, level: 'ok', message, cure: [] };
}
