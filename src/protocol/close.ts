/**
 * Close codes. The range carries the verdict, so a client needs no table: 4000-4099 fatal, do not come back; 4100-4199 fix the credentials,
 * then reconnect; 4200-4299 reconnect now; 4300-4399 reconnect after a delay.
 */
export const CLOSE = {
  badFrame: 4000,
  tooLarge: 4001,
  unsupported: 4002,
  unauthorized: 4100,
  expired: 4101,
  replaced: 4200,
  aged: 4201,
  going: 4300,
  slow: 4301,
  rate: 4302,
  overloaded: 4303,
} as const;

/** Why a server ends a connection. */
export type CloseReason = keyof typeof CLOSE;

export type CloseVerdict = 'fatal' | 'credentials' | 'now' | 'later';

/** WebSocket's own words for "what you sent cannot be taken" (protocol error, kind of data, text, size): sent again, it gets the same answer. */
const REFUSED: readonly number[] = [1002, 1003, 1007, 1009];

/** What a client does about a close code, codes it has never heard of included. */
export function verdict(code: number): CloseVerdict {
  if (REFUSED.includes(code)) return 'fatal';
  if (code >= 4000 && code <= 4099) return 'fatal';
  if (code >= 4100 && code <= 4199) return 'credentials';
  if (code >= 4200 && code <= 4299) return 'now';
  return 'later';
}
