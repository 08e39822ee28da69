import { pause, type Clock } from '../core/index.ts';

/** Clients are sent away so many milliseconds apart, and the first come back after so many. */
const STEP = 250;
const FIRST = 500;

/** Sends all of them away over so many milliseconds, each with a time of its own to come back after. */
export async function sendAway(sessions: readonly { going(retryMs: number): void }[], ms: number, clock: Clock): Promise<void> {
  const rounds = Math.max(1, Math.min(sessions.length, Math.ceil(ms / STEP)));
  const size = Math.ceil(sessions.length / rounds);
  for (let from = 0; from < sessions.length; from += size) {
    for (const [at, session] of sessions.slice(from, from + size).entries()) {
      // Those who go last need not wait as long: they all come back over the same stretch of time.
      session.going(Math.round(FIRST + ((from + at) / sessions.length) * ms));
    }
    if (from + size < sessions.length) await pause(clock, ms / rounds);
  }
}
