import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Clocks are set while a machine runs, by seconds; two starts of one are further apart. */
const SLACK = 5;

/** Names this run of the machine: what was written and not yet on the disk is lost exactly when it ends. */
export function bootOf(now: number): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `${SINCE}${Math.round(now / 1_000 - uptime())}`;
  }
}

export function sameBoot(one: string, other: string): boolean {
  if (one === other) return true;
  if (!one.startsWith(SINCE) || !other.startsWith(SINCE)) return false;
  return Math.abs(Number(one.slice(SINCE.length)) - Number(other.slice(SINCE.length))) <= SLACK;
}

const SINCE = 'since ';
