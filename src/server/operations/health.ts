import type { Position } from '../../core/index.ts';

/** Nothing was read for so long, ms: whoever is let in now would get rows of before that. */
export const STALE = 15_000;

/** How a running Rowcast is, at this moment: cheap to ask, and asks nobody else. */
export interface HealthReport {
  /** False: it has stopped, or was closed, and only a restart helps. */
  readonly live: boolean;
  /** False: send new connections elsewhere. Those that are here may stay. */
  readonly ready: boolean;
  /** Why it is not ready, or not live: for people. */
  readonly reasons: readonly string[];
  /** Milliseconds for which the log could not be read; 0: it is. */
  readonly staleMs: number;
  /** How long the last commit took to the sockets, ms. */
  readonly lagMs: number;
  /** The last commit that was passed on. */
  readonly position: Position;
  readonly sessions: number;
  /** Whether this process is the one that reads the log, and the term that it last did so under; null: it never did. */
  readonly leads: boolean;
  /** Streams that are told by other processes only: whoever reads the log has other bindings of them. Their viewers are sent elsewhere. */
  readonly elsewhere: readonly string[];
  readonly term: number | null;
}

/** What tells. */
export interface Vitals extends Omit<HealthReport, 'live' | 'ready' | 'reasons'> {
  readonly stopped: boolean;
  readonly closed: boolean;
  readonly draining: boolean;
}

export function healthOf({ stopped, closed, draining, ...vitals }: Vitals): HealthReport {
  const { staleMs, elsewhere } = vitals;
  const reasons = [
    ...(stopped ? ['it has stopped: restart it; the log of this process says why'] : []),
    ...(closed ? ['it was closed'] : []),
    ...(draining ? ['it sends its connections away before it goes down'] : []),
    ...(elsewhere.length > 0
      ? [`other processes tell ${elsewhere.map((name) => `"${name}"`).join(', ')}, by other bindings than this one has`]
      : []),
    ...(staleMs >= STALE ? [`nothing could be read for ${Math.round(staleMs / 1_000)} s; it goes on trying`] : []),
  ];
  return { live: !stopped && !closed, ready: reasons.length === 0, reasons, ...vitals };
}
