import type { Planned, Step } from './plan.ts';
import type { Random } from './random.ts';

/** What is done to several servers and to what they share, by name. Carried out in `fleet-faults.ts`; the rest is done as to one. */
export type FleetStep =
  | 'kill node'
  | 'kill leader'
  | 'kill broker'
  | 'crash database'
  /** The broker goes on as it was a while ago: what was appended since is lost. */
  | 'fail over broker'
  /** For longer than the lease lasts. */
  | 'freeze leader'
  | 'freeze node'
  | 'cut broker'
  | 'half-open broker'
  | 'cut database'
  | 'half-open database';

export type FleetPlanned = Omit<Planned, 'step'> & { readonly step: FleetStep | Step };

export interface FleetPlanOptions {
  readonly changes: number;
  readonly reconnects: number;
  readonly kills: number;
  readonly freezes: number;
  readonly cuts: number;
  readonly random: Random;
  /** Something stands between the servers: its own process, or one of them. */
  readonly broker: boolean;
  /** … with links of its own to each. */
  readonly linked: boolean;
}

const RECONNECTS: Readonly<Partial<Record<Step, number>>> = {
  'drop client': 4,
  'leave client': 1,
  'sleep client': 2,
  'cut client': 3,
  'half-open client': 1,
  'forge token': 1,
};
const OTHERS: readonly Step[] = [
  'bulk',
  'wide',
  'throttle client',
  'let go',
  'cut all clients',
  'flood client',
  'delay client',
  'add column',
];

/** The same seed plans the same steps, though what they meet differs from run to run. */
export function fleetPlan({ changes, reconnects, kills, freezes, cuts, random, broker, linked }: FleetPlanOptions): FleetPlanned[] {
  const spread = (count: number, step: () => FleetStep | Step): FleetPlanned[] =>
    Array.from({ length: count }, (_, n) => ({ after: Math.floor(((n + 0.1 + 0.8 * random.next()) / count) * changes), step: step() }));
  const killed: readonly FleetStep[] = ['kill leader', ...(broker ? (['kill broker'] as const) : []), 'crash database', 'kill node'];
  const cut: readonly FleetStep[] = [
    ...(linked ? (['cut broker', 'half-open broker'] as const) : []),
    'half-open database',
    'cut database',
  ];
  return [
    ...spread(kills, inTurn(killed)),
    ...(broker ? spread(Math.ceil(kills / 10), () => 'fail over broker') : []),
    ...spread(freezes, inTurn(['freeze leader', 'freeze leader', 'freeze node'])),
    ...spread(cuts, inTurn(cut)),
    ...spread(reconnects, () => random.weighed(RECONNECTS as Readonly<Record<Step, number>>)),
    ...spread(Math.ceil(reconnects / 3), inTurn(OTHERS)),
  ].sort((one, other) => one.after - other.after);
}

/** Each of them, however few are asked for. */
function inTurn<S>(steps: readonly S[]): () => S {
  let next = 0;
  return () => steps[next++ % steps.length] as S;
}
