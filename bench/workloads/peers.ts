import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../../test/servers/postgres.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import { progress } from '../progress.ts';
import { references } from '../references/install.ts';
import type { Scale } from '../scale.ts';
import { ABREAST, PeerContender, type Load, type Peer } from './peer-contender.ts';

const PEERS: Readonly<Record<string, Peer>> = {
  rowcast: { part: 'peer-rowcast', dialect: 'rowcast' },
  feathers: { part: '../references/feathers-postgres', dialect: 'socket.io' },
  'log to ws.send': { part: '../references/log-to-ws', dialect: 'bare' },
};

/** Measured only where somebody has installed it: it is large. */
const ZERO: Peer = { part: '../references/zero/server', dialect: 'zero', skips: true };
const INSTALLED = fileURLToPath(new URL('../references/zero/node_modules/@rocicorp/zero', import.meta.url));

/** One row of Postgres changes, everybody watches it: what systems that do the same job need for it, from the write to the last client. */
export async function peers(scale: Scale): Promise<readonly Result[]> {
  if (!(await references(scale))) return [];
  const zero = scale.installs && existsSync(INSTALLED); // a run that may install nothing has no time for it either
  if (scale.installs && !zero) progress.say('peers: without Zero, which is 350 MB; to have it: npm ci --prefix bench/references/zero');
  await using server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '4GB' } });
  const all: Record<string, PeerContender> = {};
  try {
    for (const [name, peer] of Object.entries({ ...PEERS, ...(zero && { zero: ZERO }) })) {
      all[name] = await PeerContender.open(peer, await server.createDatabase());
    }
    const results: Result[] = [];
    for (const load of loads(scale)) results.push(...(await measured(all, { load, passes: scale.passes })));
    return results;
  } finally {
    for (const contender of Object.values(all)) await contender.stop();
  }
}

function loads({ sockets, commits }: Scale): readonly Load[] {
  const few = { clients: sockets / 10, paced: Math.ceil(commits * 0.3), everyMs: 30, burst: commits };
  const many = { clients: sockets, paced: Math.ceil(commits * 0.3), everyMs: 60, burst: Math.ceil(commits * 0.4) };
  return [few, many];
}

type All = Readonly<Record<string, PeerContender>>;

async function measured(all: All, { load, passes }: { load: Load; passes: number }): Promise<readonly Result[]> {
  for (const contender of Object.values(all)) {
    await contender.grow(load.clients);
    await contender.pass(load); // warm
    contender.forget();
  }
  const cpu = await interleaved(
    passes,
    mapped(all, (contender) => () => contender.pass(load)),
  );
  const workload = `1 row of Postgres to ${load.clients} clients`;
  const figure = 'ms from before the write to the last client';
  return [
    compare(
      {
        workload,
        figure: 'µs CPU per delivery',
        better: 'less',
        targets: [{ against: 'feathers', ratio: 0.35 }],
        headline: `one row of Postgres, ${load.clients.toLocaleString('en')} clients`,
      },
      cpu,
    ),
    compare(
      { workload, figure: `${figure}, p50 of each pass`, better: 'less' },
      mapped(all, ({ medians }) => medians),
    ),
    compare(
      { workload, figure: `${figure}, p99 of all passes`, better: 'less' },
      mapped(all, ({ slow }) => [slow]),
    ),
    compare(
      { workload, figure: `% of states that came, ${ABREAST} writes in flight`, better: 'more' },
      mapped(all, ({ states }) => states),
    ),
  ];
}

function mapped<T>(all: All, of: (contender: PeerContender) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(all).map(([name, contender]) => [name, of(contender)]));
}
