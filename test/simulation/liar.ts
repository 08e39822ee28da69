import type { Position } from '../../src/core/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import type { User } from './app.ts';
import type { Asked } from './history.ts';
import { Link, type LinkParts } from './link.ts';
import { Wiretap, type Witness } from './wiretap.ts';

/** What somebody has by heart: a view, and what showed once that it was theirs. */
export interface Loot {
  readonly asked: Asked;
  readonly token: string;
}

export interface LiarParts extends Omit<LinkParts, 'ear' | 'user' | 'gone'> {
  readonly witness: Witness;
  failed(error: unknown): void;
}

/**
 * Somebody who does not use our client: comes back to a view at a place where they never were, perhaps with a token that was given to another. They
 * may be told to read again, for whatever reason; they may not be told what they may not know.
 */
export function lie(user: User, { asked, token }: Loot, at: Position, parts: LiarParts): void {
  const tap = new Wiretap(user, { ...witnessOf(parts.witness), unexplained: () => null });
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      parts.failed(error);
    }
  };
  const link = new Link({
    ...parts,
    user: user.id,
    gone: () => undefined,
    ear: {
      sent: (text) => {
        parts.timeline.note(() => `a liar as ${user.id} → ${text}`);
        tap.sent(JSON.parse(text) as Parameters<Wiretap['sent']>[0]);
      },
      heard: (frame: ServerFrame) => {
        parts.timeline.note(() => `a liar as ${user.id} ← ${JSON.stringify(frame)}`);
        guarded(() => tap.heard(frame));
      },
      taken: (frame: ServerFrame) => {
        if (frame.type !== 'welcome') return;
        const params = asked.params === null ? {} : { params: asked.params };
        link.send(JSON.stringify({ type: 'subscribe', id: 1, stream: asked.stream, ...params, at, token }));
      },
    },
  });
  parts.timeline.at(parts.timeline.now + 3_000, () => link.close());
}

function witnessOf(witness: Witness): Witness {
  return {
    history: witness.history,
    shown: witness.shown,
    tail: () => witness.tail(),
    unexplained: (reset) => witness.unexplained(reset),
    carries: (position, write) => witness.carries(position, write),
    revokedBetween: (user, from, to) => witness.revokedBetween(user, from, to),
    count: (what) => witness.count(what),
  };
}
