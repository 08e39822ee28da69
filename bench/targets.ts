import type { Result } from './measure.ts';

/**
 * What a figure must be. `better` of its result says which way: `less` makes it "at most", `more` "at least".
 * - `{ against: 'ws.send(string)', ratio: 0.85 }`: at most 0.85 of that contender's figure, measured in the same run, pass by pass;
 * - `{ limit: 80 }`: at most 80 of the figure's own unit.
 *
 * `of`: whose figure it is about; the first contender's, left out.
 */
export type Target =
  { readonly against: string; readonly ratio: number; readonly of?: string } | { readonly limit: number; readonly of?: string };

/** `unmeasured`: one of the two was not in the run. */
export type Verdict = 'met' | 'missed' | 'unmeasured';

export interface Judged {
  /** As a reader writes it: `≤ 0.85 × ws.send(string)`. */
  readonly target: string;
  /** What is held against it: a median, or a median of ratios. */
  readonly measured?: number;
  readonly verdict: Verdict;
}

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 4 });

/** Every target of a result with what came of it. */
export function judge({ targets = [], better, contenders, ratios }: Result): readonly Judged[] {
  const [first] = Object.keys(contenders);
  return targets.map((each) => {
    const of = each.of ?? first ?? '';
    const named = of === first ? '' : `${of}: `;
    const at = better === 'less' ? '≤' : '≥';
    const target =
      'limit' in each ? `${named}${at} ${number.format(each.limit)}` : `${named}${at} ${number.format(each.ratio)} × ${each.against}`;
    const bound = 'limit' in each ? each.limit : each.ratio;
    const measured = 'limit' in each ? contenders[of]?.median : ratioOf({ of, first, against: each.against, contenders, ratios });
    if (measured === undefined || Number.isNaN(measured)) return { target, verdict: 'unmeasured' };
    return { target, measured, verdict: (better === 'less' ? measured <= bound : measured >= bound) ? 'met' : 'missed' };
  });
}

function ratioOf(
  about: Pick<Result, 'contenders' | 'ratios'> & { of: string; first: string | undefined; against: string },
): number | undefined {
  const { of, first, against, contenders, ratios } = about;
  if (of === first) return ratios[against]?.median;
  const [mine, theirs] = [contenders[of]?.median, contenders[against]?.median];
  return mine === undefined || theirs === undefined ? undefined : mine / theirs;
}

/** Where a target lies among the figures, in their unit; not at all where what it is about was not measured. */
export function lineOf(target: Target, contenders: Result['contenders']): number | undefined {
  if ('limit' in target) return target.limit;
  const theirs = contenders[target.against]?.median;
  return theirs === undefined ? undefined : target.ratio * theirs;
}
