import { pause, type Clock } from '../core/index.ts';

/** Clients are sent away so many milliseconds apart, and come back after so many, and up to so many more. */
const STEP = 250;
const FIRST = 500;

/** Sends all of them away over so many milliseconds, each to come back soon, and no two at the same moment. */
export async function sendAway(sessions: readonly { going(retryMs: number): void }[], ms: number, clock: Clock): Promise<void> {
  const rounds = Math.max(1, Math.min(sessions.length, Math.ceil(ms / STEP)));
  const size = Math.ceil(sessions.length / rounds);
  for (let from = 0; from < sessions.length; from += size) {
    for (const [at, session] of sessions.slice(from, from + size).entries()) {
      session.going(Math.round(FIRST + ((at + from / sessions.length) / size) * (ms / rounds)));
    }
    if (from + size < sessions.length) await pause(clock, ms / rounds);
  }
}
