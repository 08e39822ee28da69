import type { Refused } from '../protocol/index.ts';
import type { Image } from './model.ts';
import { placed, type CallStep, type Judgement, type RowStep } from './ports/store.ts';

/** A step that may be done, and the row it was judged on. A call is a hook of no row. */
export interface Allowed {
  readonly step: RowStep | CallStep;
  readonly before: Image | null;
  readonly judgement: Exclude<Judgement, { readonly verdict: 'refuse' }>;
}

/** What may be done, step by step, or the first refusal, with its place. `befores` are the rows of the steps as they stand. */
export async function judgeAll(
  steps: readonly (RowStep | CallStep)[],
  befores: readonly (Image | null)[],
): Promise<readonly Allowed[] | Refused> {
  const allowed: Allowed[] = [];
  for (const [at, step] of steps.entries()) {
    const before = befores[at] ?? null;
    const judgement = step.kind === 'row' ? await step.judge(before) : await judgeCall(step);
    if (judgement.verdict === 'refuse') return placed(step, judgement.answer);
    allowed.push({ step, before, judgement });
  }
  return allowed;
}

async function judgeCall(step: CallStep): Promise<Judgement> {
  const answer = await step.judge();
  return answer ? { verdict: 'refuse', answer } : { verdict: 'hook', run: (tx) => step.run(tx) };
}

export function isRefused(judged: readonly Allowed[] | Refused): judged is Refused {
  return 'ok' in judged;
}
