import { pause, type Bus, type Floor, type Lease, type Versions } from '../../core/index.ts';
import { Elsewhere } from '../window/elsewhere.ts';
import type { Gateway } from '../fan-out/gateway.ts';
import { Leading, type Beat } from './leading.ts';
import { leftMark } from './sealing.ts';
import { relay, type RelayParts } from './relay.ts';
import { Standing } from './standing.ts';
import { digestOf } from '../bindings/versions.ts';

/** How the log comes to this process's gateway. */
export interface Reading {
  /** Until the signal aborts. Rejects when it cannot go on. */
  run(signal: AbortSignal): Promise<void>;
  /** Milliseconds for which nothing new could be told; 0: it can be. */
  staleFor(now: number): number;
  /** Resolves when everything is told here, as far as it will be before somebody else does something. */
  whole(): Promise<void>;
  /** Streams that are told by other processes only. */
  elsewhere(): readonly string[];
  /** Another process is to read for all. */
  resign(): void;
}

export interface ReadingParts {
  readonly relay: RelayParts;
  readonly gateway: Gateway;
}

/** By itself, into a ledger of its own. */
export function alone({ relay: parts, gateway }: ReadingParts, floor: Floor): Reading {
  return {
    run: async (signal) => void (await Promise.all([gateway.follow(floor, signal), relay(parts, signal)])),
    staleFor: (now) => parts.health.staleFor(now),
    whole: () => Promise.resolve(),
    elsewhere: () => [],
    resign: () => undefined,
  };
}

export interface SharedParts extends ReadingParts {
  readonly lease: Lease;
  readonly bus: Bus;
  /** What this process would route by. */
  readonly versions: Versions;
}

/** Whoever reads says so within this time, ms, or nobody does. */
const INTRODUCED = 2_000;

/** One process for all, into a ledger that they share. */
export function shared({ relay: parts, gateway, lease, bus, versions }: SharedParts, signal: AbortSignal): Reading {
  const { clock, source, log } = parts;
  const standing = new Standing(clock.now());
  const elsewhere = new Elsewhere({
    own: versions,
    window: gateway.window,
    turnAway: gateway.turnAway,
    mark: (receipt) => leftMark({ source, clock, log }, receipt, signal),
    id: () => clock.id(),
  });
  gateway.tellElsewhere(elsewhere);
  let last: Beat | null = null;
  const heard = (beat: Beat): void => {
    last = beat;
    standing.heard(beat, gateway.position, clock.now());
    elsewhere.learn(beat.version, beat.versions);
    // What is still to come says by itself what it was routed by; what may not come at all does not.
    if (gateway.position >= beat.tail) elsewhere.by(beat.version);
  };
  const leading = new Leading({ relay: parts, lease, bus, own: { version: digestOf(versions), versions }, heard });
  const follow = async (): Promise<void> => {
    // Entries are not looked at before it is known what they were routed by, if anybody can say.
    await Promise.race([leading.introduced, pause(clock, INTRODUCED, signal)]);
    await gateway.follow(null, signal);
  };
  return {
    run: async () => void (await Promise.all([leading.run(signal), follow()])),
    staleFor: (now) => standing.staleFor(gateway.position, now),
    whole: () => {
      if (last) heard(last);
      return elsewhere.whole();
    },
    elsewhere: () => elsewhere.streams,
    resign: () => leading.resign(),
  };
}
