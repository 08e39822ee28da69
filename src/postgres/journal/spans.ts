/** A snapshot, as Postgres writes one: `xmin:xmax:running,running`. */
export interface PgSnapshot {
  readonly xmax: bigint;
  /** Began before it and had not ended. In order. */
  readonly running: readonly bigint[];
}

export function snapshotOf(text: string): PgSnapshot {
  const [, xmax = '0', running = ''] = text.split(':');
  return { xmax: BigInt(xmax), running: running === '' ? [] : running.split(',').map(BigInt) };
}

/** Transaction ids from the first to the last, both included. */
export type Span = readonly [first: bigint, last: bigint];

/**
 * The transactions that had ended by `now` and not by `then`. What still runs is left out exactly, so that who looks them up in an index never
 * walks over the rows of a transaction that stays open.
 */
export function spansBetween(then: PgSnapshot, now: PgSnapshot): readonly Span[] {
  const running = new Set(now.running);
  const spans = then.running.filter((xid) => !running.has(xid)).map((xid): Span => [xid, xid]);
  let from = then.xmax;
  for (const xid of now.running) {
    if (xid < from) continue;
    if (xid > from) spans.push([from, xid - 1n]);
    from = xid + 1n;
  }
  if (from < now.xmax) spans.push([from, now.xmax - 1n]);
  return spans;
}

/** As two parameters for `unnest($1::xid8[], $2::xid8[])`. */
export function spanParams(spans: readonly Span[]): readonly [firsts: readonly bigint[], lasts: readonly bigint[]] {
  return [spans.map(([first]) => first), spans.map(([, last]) => last)];
}
