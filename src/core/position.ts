/**
 * Where a commit stands in its source's history, under the source's epoch: opaque, 16 lower-case hex digits, compared bytewise. What the
 * number means is the source's own: a commit's end LSN, a journal's last row.
 */
export type Position = string;

export const ORIGIN: Position = '0000000000000000';

/** @example positionOf(255n) // '00000000000000ff' */
export function positionOf(number: bigint | number): Position {
  return number.toString(16).padStart(16, '0');
}

export function numberOf(position: Position): bigint {
  return BigInt(`0x${position}`);
}
