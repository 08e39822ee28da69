import { CarriedBus } from '../core/index.ts';
import { Link, type LinkOptions } from './link.ts';
import type { Dial } from './clients.ts';

export interface RedisBusParts {
  /** What is sent goes this way, in order. */
  readonly link: Link;
  readonly channel: string;
  readonly options: LinkOptions;
}

export interface RedisBus {
  readonly bus: CarriedBus;
  close(): void;
}

/**
 * A bus over a channel of Redis. Who listens in this process is told at once, also while Redis is away; what comes back of one's own says only
 * that the channel is heard, so a connection that has gone silent is found and made anew.
 */
export async function redisBus(dial: Dial, { link, channel, options }: RedisBusParts): Promise<RedisBus> {
  const { clock, log, patience } = options;
  let heard = 0;
  let watch: { cancel(): void } | null = null;
  const bus = new CarriedBus({
    from: clock.id(),
    log,
    async carry(text) {
      const before = heard; // it may come back before it is said to have gone out
      await link.send(['PUBLISH', channel, text], null);
      watch ??= clock.after(patience, () => {
        watch = null;
        if (heard === before) ears.renew();
      });
    },
  });
  const ears = await Link.open(dial, options, (line) =>
    line.hear(channel, (text) => {
      heard++;
      bus.hear(text);
    }),
  );
  return {
    bus,
    close() {
      watch?.cancel();
      ears.close();
    },
  };
}
