import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../core/index.ts';

/** The process's own time and randomness. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  time: () => Date.now(),
  id: () => randomBytes(16).toString('base64url'),
  soon: (fire) => void setImmediate(fire),
  after(ms, fire) {
    const timer = setTimeout(fire, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
