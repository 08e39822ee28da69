import { toWire, type Json, type Params } from '../protocol/index.ts';
import { refusal } from './pending.ts';
import type { Row } from './rows.ts';
import type { Look, Together } from './stream.ts';
import type { Current, StreamStatus } from './types.ts';

/** One for each combination of what lists hold. */
export function spread(given: object | undefined): readonly (Params | undefined)[] {
  if (!given) return [undefined];
  let all: readonly Params[] = [{}];
  for (const [name, value] of Object.entries(toWire(given) as Params)) {
    const values = Array.isArray(value) ? [...new Set(value as readonly Json[])] : [value];
    all = all.flatMap((each) => values.map((one) => ({ ...each, [name]: one })));
  }
  return all;
}

/** From the worst on. */
const STATUSES: readonly StreamStatus[] = ['failed', 'signed-out', 'offline', 'stale', 'syncing', 'idle', 'live'];

/** Params that are lists: one handle on the view of each of what they hold. */
export const lists: Together = {
  look: (views) => ({
    get current() {
      return gathered(
        views.map(({ current }) => current),
        this,
      );
    },
    get status() {
      return STATUSES.find((status) => views.some((each) => each.status === status)) ?? 'live';
    },
    get progress() {
      let count = 0;
      let total: number | null = 0;
      for (const { progress } of views) {
        count += progress.count;
        total = total === null || progress.total === null ? null : total + progress.total;
      }
      return { count, total };
    },
  }),
  home(views, given) {
    // Which of the views it is made in, its own fields say.
    const names = Object.keys(views[0]?.params ?? {});
    const [view, another] = views.filter(({ params = {} }) =>
      names.every((name) => !(name in given) || String(params[name]) === String(given[name])),
    );
    if (!view || another) return refusal('invalid', `which view is it for? ${names.join(', ')} in the data say it`);
    return { view, data: Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name))) };
  },
};

/** What these come to, one after the other. The same ones give the same object, whoever looks; it goes when one of them does. */
interface Gathered {
  readonly next: WeakMap<Current<Row>, Gathered>;
  all?: Current<Row>;
}

const NOTHING: Gathered = { next: new WeakMap() };

function gathered(currents: readonly Current<Row>[], { status, progress }: Pick<Look, 'status' | 'progress'>): Current<Row> {
  let place = NOTHING;
  for (const each of currents) {
    let next = place.next.get(each);
    if (!next) place.next.set(each, (next = { next: new WeakMap() }));
    place = next;
  }
  return (place.all ??= { rows: currents.flatMap(({ rows }) => rows), status, progress });
}
