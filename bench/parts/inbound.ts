import type { Limits } from 'rowcast';

// What the servers that are written to have in common.

/** Everybody may write everything, and the server says so for each write. */
export const WRITTEN = {
  fields: ['id', 'value', 'body'],
  writable: ['value', 'body'],
  groupNames: () => ['hot'],
  hasPermission: () => true,
} as const;

/** A load is no client: it is read as fast as it sends. */
export const LIMITS: Partial<Limits> = { framesPerSecond: Infinity, burst: Infinity, inFlight: 64 };

export const ROWS = 1_000;
export const BODY = 'body '.repeat(20);
