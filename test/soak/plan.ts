import type { Random } from './random.ts';

/** What is done to the system, by name. Each kind is carried out in `faults.ts`. */
export type Step =
  // those that lose a process
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
  /** Of the server and of Postgres, by turns. Slots that are lost, in which the server is killed as well, come on top. */
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
const WORK: readonly Step[] = ['bulk', 'wide', 'add column', 'flood client', 'bulk', 'flood client'];

/** The same seed plans the same steps, though what they meet differs from run to run. */
export function plan({ changes, reconnects, kills, random }: PlanOptions): Planned[] {
  const spread = (count: number, step: () => Step, moved = (part: number): number => part): Planned[] =>
    Array.from({ length: count }, (_, n) => ({
      after: Math.floor(moved((n + 0.1 + 0.8 * random.next()) / count) * changes),
      step: step(),
    }));
  return [
    ...spread(Math.ceil(kills / 2), () => 'kill server', aroundTheMiddle),
    ...spread(Math.floor(kills / 2), () => 'crash database'),
    ...spread(Math.ceil(kills / 5), () => 'lose slot', aroundTheMiddle),
    ...spread(reconnects, () => random.weighed(RECONNECTS)),
    ...spread(Math.ceil(reconnects / 4), () => random.weighed(SLOW)),
    ...spread(Math.ceil(kills * 1.5), () => random.weighed(LINKS)),
    ...spread(Math.ceil(reconnects / 2), () => 'let go'),
    ...spread(Math.ceil(kills * 1.2), inTurn(WORK)),
  ].sort((one, other) => one.after - other.after);
}

/** The middle two fifths are left out: there the server lives for long enough to show whether it grows. */
const aroundTheMiddle = (part: number): number => (part < 0.5 ? part * 0.6 : 0.4 + part * 0.6);

/** Each of them, however few are asked for. */
function inTurn(steps: readonly Step[]): () => Step {
  let next = 0;
  return () => steps[next++ % steps.length] as Step;
}
