import { CarriedBus, type Clock, type Log } from '../../core/index.ts';
import { listen, type Listening } from '../connection/listening.ts';
import type { Sessions } from '../connection/sql.ts';

/** The server refuses 8,000 bytes and more. */
const PART = 7_900;
const CHANNEL = 'rowcast_sent';

export interface NotifiedBusParts {
  readonly url: string;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
}

export interface NotifiedBus extends Listening {
  readonly bus: CarriedBus;
}

/**
 * Messages between processes as notifications, which a server hands on at the commit, in the order of commits, and keeps for nobody. What is too
 * long for one goes in parts of one transaction: they come one after the other.
 */
export async function notifiedBus({ url, sessions, clock, log }: NotifiedBusParts): Promise<NotifiedBus> {
  const bus = new CarriedBus({
    from: clock.id(),
    log,
    async carry(text) {
      const parts = Array.from({ length: Math.ceil(text.length / PART) }, (_, at) => text.slice(at * PART, (at + 1) * PART));
      const number = ++sent;
      // The same payload twice in a transaction would be one: each part says which it is.
      const payloads = parts.map((part, at) => `${number}.${at}.${parts.length}:${part}`);
      await sessions.query(`SELECT pg_notify($1, payload) FROM unnest($2::text[]) WITH ORDINALITY AS part (payload, at) ORDER BY at`, [
        CHANNEL,
        payloads,
      ]);
    },
  });
  let sent = 0;
  let open: string[] = [];
  const listening = await listen({
    url,
    channel: CHANNEL,
    clock,
    log,
    hear(payload) {
      const head = /^\d+\.(\d+)\.(\d+):/.exec(payload);
      if (!head) return;
      const [whole, at, count] = head as unknown as readonly [string, string, string];
      if (at === '0') open = [];
      // Begun before this one listened.
      if (open.length !== Number(at)) return;
      open.push(payload.slice(whole.length));
      if (open.length < Number(count)) return;
      bus.hear(open.join(''));
      open = [];
    },
    missed: () => (open = []),
  });
  return { bus, close: () => listening.close() };
}
