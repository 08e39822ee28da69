import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { rowcast, type Binding, type ColumnGroup, type Database, type Live } from 'rowcast';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';
import { shared, type Holders } from './holders.ts';
import { served } from './serving.ts';

/** What a stretch of following cost. */
export interface Followed {
  /** When everything had gone out to every connection, by the machine's clock. */
  readonly at: number;
  /** Microseconds of CPU. */
  readonly us: number;
  /** The longest time for which nothing else could be done, ms. */
  readonly stalled: number;
  /** The most memory this process had meanwhile, MB; 0 where the system does not say. */
  readonly most: number;
}

interface Place extends Holders {
  /** A file, or a URL. */
  readonly at: string;
  readonly slot: string;
}

/** Follows a table that somebody else writes to; each connection that comes holds its share of the groups. */
export function follow(binding: Binding & { group(params: { team: number }): ColumnGroup }, database: (place: Place) => Database): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let live: Live;
  let cpu = process.cpuUsage();
  answer({
    async listen(place: Place) {
      live = await rowcast({ source: database(place), bindings: { bound: binding } });
      shared(live, binding, place);
      return served(live).listen();
    },
    begin() {
      globalThis.gc?.();
      forgetMost();
      delay.reset();
      delay.enable();
      cpu = process.cpuUsage();
    },
    async settled(): Promise<Followed> {
      await live.settled();
      const at = machineMs();
      const { user, system } = process.cpuUsage(cpu);
      await new Promise((resolve) => setTimeout(resolve, 5)); // a stall is noted when it is over
      delay.disable();
      return { at, us: user + system, stalled: delay.max / 1e6, most: most() };
    },
    close: () => live.close(),
  });
}

/** Linux keeps the most memory a process has had, and forgets it when told so. */
function forgetMost(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Then it is the most ever.
  }
}

function most(): number {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1_024;
  } catch {
    return 0;
  }
}
