import type { Random } from './random.ts';

/** What is done to the system, by name. Each kind is carried out in `faults.ts`. */
export type Step =
  // the two that lose a process
  | 'kill server'
  | 'crash database'
  | 'lose slot'
  // between the server and the database
  | 'stop server'
  | 'cut database'
  | 'throttle database'
  | 'half-open database'
  // between a client and the server
  | 'drop client'
  | 'leave client'
  | 'sleep client'
  | 'cut client'
  | 'half-open client'
  | 'throttle client'
  | 'stall client'
  | 'delay client'
  | 'flood client'
  | 'cut all clients'
  | 'refuse clients'
  // nothing that breaks
  | 'forge token'
  | 'let go'
  | 'add column'
  | 'bulk'
  | 'wide';

/** A step, and after how many changes it is taken. */
export interface Planned {
  readonly after: number;
  readonly step: Step;
}

export interface PlanOptions {
  readonly changes: number;
  readonly reconnects: number;
  readonly kills: number;
  readonly random: Random;
}

/** Ways for one client to lose its connection and come back: `reconnects` of them are planned, beside all that kills and cuts cause. */
const RECONNECTS = { 'drop client': 4, 'leave client': 1, 'sleep client': 2, 'cut client': 3, 'half-open client': 1, 'forge token': 1 };
const SLOW = { 'throttle client': 3, 'stall client': 2, 'delay client': 2 };
const LINKS = {
  'stop server': 2,
  'cut database': 3,
  'throttle database': 1,
  'half-open database': 1,
  'cut all clients': 1,
  'refuse clients': 1,
};
const WORK: readonly Step[] = ['wide', 'bulk', 'add column', 'flood client', 'wide', 'flood client'];
const LOSSES: readonly Step[] = ['kill server', 'crash database', 'kill server', 'lose slot', 'crash database'];

/** The same seed plans the same steps, though what they meet differs from run to run. */
export function plan({ changes, reconnects, kills, random }: PlanOptions): Planned[] {
  const spread = (count: number, step: () => Step): Planned[] =>
    Array.from({ length: count }, (_, n) => ({ after: Math.floor(((n + 0.1 + 0.8 * random.next()) * changes) / count), step: step() }));
  return [
    ...spread(kills, inTurn(LOSSES)),
    ...spread(reconnects, () => random.weighed(RECONNECTS)),
    ...spread(Math.ceil(reconnects / 4), () => random.weighed(SLOW)),
    ...spread(Math.ceil(kills * 1.5), () => random.weighed(LINKS)),
    ...spread(Math.ceil(reconnects / 2), () => 'let go'),
    ...spread(Math.ceil(kills * 1.2), inTurn(WORK)),
  ].sort((one, other) => one.after - other.after);
}

/** Each of them, however few are asked for. */
function inTurn(steps: readonly Step[]): () => Step {
  let next = 0;
  return () => steps[next++ % steps.length] as Step;
}
