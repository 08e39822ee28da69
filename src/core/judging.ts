import type { Refused } from '../protocol/index.ts';
import type { Image } from './model.ts';
import { placed, type CallStep, type Judgement, type RowStep } from './ports/store.ts';

/** A step that may be done, and the row it was judged on. A call is a hook of no row. */
export interface Allowed {
  readonly step: RowStep | CallStep;
  readonly before: Image | null;
  readonly judgement: Exclude<Judgement, { readonly verdict: 'refuse' }>;
}

/** What may be done, step by step, or the first refusal, with its place. */
export type Verdicts = readonly Allowed[] | Refused;

/** `befores` are the rows of the steps as they stand. At once, where every judge answers at once. */
export function judgeAll(steps: readonly (RowStep | CallStep)[], befores: readonly (Image | null)[]): Verdicts | Promise<Verdicts> {
  const allowed: Allowed[] = [];
  const take = (step: RowStep | CallStep, before: Image | null, judgement: Judgement): Refused | null => {
    if (judgement.verdict === 'refuse') return placed(step, judgement.answer);
    allowed.push({ step, before, judgement });
    return null;
  };
  const from = (start: number): Verdicts | Promise<Verdicts> => {
    for (const [at, step] of steps.entries()) {
      if (at < start) continue;
      const before = befores[at] ?? null;
      const judgement = step.kind === 'row' ? step.judge(before) : judgeCall(step);
      if (judgement instanceof Promise) return judgement.then((made) => take(step, before, made) ?? from(at + 1));
      const refused = take(step, before, judgement);
      if (refused) return refused;
    }
    return allowed;
  };
  return from(0);
}

async function judgeCall(step: CallStep): Promise<Judgement> {
  const answer = await step.judge();
  return answer ? { verdict: 'refuse', answer } : { verdict: 'hook', run: (tx) => step.run(tx) };
}

export function isRefused(judged: Verdicts): judged is Refused {
  return 'ok' in judged;
}
