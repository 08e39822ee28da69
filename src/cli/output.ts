import type { Log } from '../core/index.ts';

/** Warnings matter to who runs a command; what a running server would say does not. */
export const quiet: Log = {
  info: () => undefined,
  warn: (_about, message) => console.error(message),
  error: (_about, message) => console.error(message),
};
