import { runSchedule } from './schedule.ts';

export interface Campaign {
  readonly ran: number;
  readonly events: number;
  /** How often what happened, over all schedules. */
  readonly counts: ReadonlyMap<string, number>;
  /** The first schedule that broke a law: it ends the campaign. */
  readonly broken: { readonly seed: number; readonly law: string; readonly trace: readonly string[] } | null;
}

export interface CampaignOptions {
  readonly first: number;
  readonly count: number;
  /** Whether the one that breaks a law is run once more, to be told step by step. */
  readonly traced: boolean;
}

/** One schedule after the other, from a seed on. */
export async function campaign({ first, count, traced }: CampaignOptions): Promise<Campaign> {
  const counts = new Map<string, number>();
  let events = 0;
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await runSchedule(seed);
    events += outcome.events;
    for (const [what, times] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + times);
    if (outcome.broken === null) continue;
    const { trace } = traced ? await runSchedule(seed, true) : outcome;
    return { ran: seed - first + 1, events, counts, broken: { seed, law: outcome.broken, trace } };
  }
  return { ran: count, events, counts, broken: null };
}
