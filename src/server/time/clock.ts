import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../../core/index.ts';

const ID_BYTES = 16;
/** Asked for by the page: a call for few bytes costs more than the bytes. */
let bytes = Buffer.alloc(0);
let used = 0;

function id(): string {
  if (used === bytes.length) {
    bytes = randomBytes(256 * ID_BYTES);
    used = 0;
  }
  used += ID_BYTES;
  return bytes.toString('base64url', used - ID_BYTES, used);
}

/** The process's own time and randomness. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  time: () => Date.now(),
  id,
  soon: (fire) => void setImmediate(fire),
  after(ms, fire) {
    const timer = setTimeout(fire, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
