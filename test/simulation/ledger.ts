import type { Entry, Ledger } from '../../src/core/index.ts';
import type { Latency } from './timeline.ts';
import type { Random } from './random.ts';

/** The way to a ledger that is somewhere else. */
export interface Way {
  readonly random: Random;
  takes(kind: Latency): Promise<void>;
  /** Entries were taken in: whether whoever appends is never told. */
  held(entries: readonly Entry[]): boolean;
  /** Entries that the other side has and never hands out, as a broker that was trimmed or made anew does without a word. */
  loses(entries: readonly Entry[]): boolean;
}

/**
 * A ledger behind a network: what is appended is seen later, in batches cut anywhere, and each call takes its time. Everything else is the
 * ledger's own.
 */
export function farLedger(near: Ledger, way: Way): Ledger {
  return {
    async floor() {
      await way.takes('quick');
      return near.floor();
    },
    async tail() {
      await way.takes('quick');
      return near.tail();
    },
    async lead(least, start) {
      await way.takes('quick');
      return near.lead(least, start);
    },
    async append(entries, term) {
      await way.takes('quick');
      await near.append(entries, term);
      const lost = way.held(entries);
      await way.takes('quick');
      if (lost) throw new Error('the connection to the ledger was cut');
    },
    // Begun at once: from here on nothing is missed.
    follow: (after, signal) => carried(near.follow(after, signal), way, signal),
  };
}

async function* carried(batches: AsyncIterable<readonly Entry[]>, way: Way, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
  for await (const batch of batches) {
    for (let at = 0; at < batch.length;) {
      await way.takes('quick');
      if (signal.aborted) return;
      const part = batch.slice(at, at + way.random.between(1, batch.length - at));
      at += part.length;
      if (!way.loses(part)) yield part;
    }
  }
}
