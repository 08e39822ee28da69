/** `1/6B374D48`, as Postgres writes a place in its log. */
export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
}

export function lsnOf(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

const HALF = 1n << 31n;
const WHOLE = 1n << 32n;

/**
 * The log has the lower 32 bits of a transaction's number, snapshots have all 64. Transactions that live at one time are less than 2^31
 * apart: the number meant is the nearest to one that is known.
 */
export function widen(xid: number, known: bigint): bigint {
  const near = known - (known % WHOLE) + BigInt(xid);
  if (near - known > HALF && near >= WHOLE) return near - WHOLE;
  return known - near > HALF ? near + WHOLE : near;
}
