/** Which transactions a query sees. */
export interface Visible {
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
}

/** `xmin:xmax:xip,xip`, as Postgres writes a snapshot. */
export function visibleIn(text: string): Visible {
  const [xmin = '0', xmax = '0', running = ''] = text.split(':');
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(running === '' ? [] : running.split(',').map(BigInt)) };
}

export function isVisible({ xmax, running }: Visible, xid: bigint): boolean {
  return xid < xmax && !running.has(xid);
}
