import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import { references } from '../references/install.ts';
import type { Scale } from '../scale.ts';
import { ABREAST, PeerContender, type Load, type Peer } from './peer-contender.ts';

const PEERS: Readonly<Record<string, Peer>> = {
  rowcast: { part: 'peer-rowcast', dialect: 'rowcast' },
  feathers: { part: '../references/feathers-postgres', dialect: 'socket.io' },
  'log to ws.send': { part: '../references/log-to-ws', dialect: 'bare' },
};

/** Measured only where it has been installed: it is 350 MB. `npm ci --prefix bench/references/zero`. */
const ZERO: Peer = { part: '../references/zero/server', dialect: 'zero', skips: true };
const INSTALLED = fileURLToPath(new URL('../references/zero/node_modules/@rocicorp/zero', import.meta.url));

/** One row of Postgres changes, everybody watches it: what systems that do the same job need for it, from the write to the last client. */
export async function peers(scale: Scale): Promise<readonly Result[]> {
  if (!(await references(scale))) return [];
  await using server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '4GB' } });
  const results: Result[] = [];
  for (const load of loads(scale)) results.push(...(await measured(server, { load, passes: scale.passes })));
  return results;
}

function loads({ sockets, commits }: Scale): readonly Load[] {
  const few = { clients: sockets / 10, paced: Math.ceil(commits * 0.3), everyMs: 30, burst: commits };
  const many = { clients: sockets, paced: Math.ceil(commits * 0.12), everyMs: 100, burst: Math.ceil(commits * 0.4) };
  return [few, many];
}

async function measured(server: PostgresServer, { load, passes }: { load: Load; passes: number }): Promise<readonly Result[]> {
  const { clients } = load;
  const contenders: Record<string, PeerContender> = {};
  try {
    for (const [name, peer] of Object.entries({ ...PEERS, ...(existsSync(INSTALLED) && { zero: ZERO }) }))
      contenders[name] = await PeerContender.open(peer, await server.createDatabase(), clients);
    const each = Object.entries(contenders);
    for (const [, contender] of each) await contender.pass(load); // warm
    for (const [, contender] of each) contender.forget();
    const runs = Object.fromEntries(each.map(([name, contender]) => [name, () => contender.pass(load)]));
    const cpu = await interleaved(passes, runs);
    const of = (figure: (contender: PeerContender) => readonly number[]): Record<string, readonly number[]> =>
      Object.fromEntries(each.map(([name, contender]) => [name, figure(contender)]));
    const workload = `1 row of Postgres to ${clients} clients`;
    return [
      compare({ workload, figure: 'µs CPU per delivery', better: 'less', targets: [{ against: 'feathers', ratio: 0.35 }] }, cpu),
      compare(
        { workload, figure: 'ms from before the write to the last client, p50 of each pass', better: 'less' },
        of((c) => c.medians),
      ),
      compare(
        { workload, figure: 'ms from before the write to the last client, p99 of all passes', better: 'less' },
        of((c) => [c.slow]),
      ),
      compare(
        { workload, figure: `% of states that came, ${ABREAST} writes in flight`, better: 'more' },
        of((c) => c.states),
      ),
    ];
  } finally {
    for (const contender of Object.values(contenders)) await contender.stop();
  }
}
