import type { Broker, Bus, Ledger } from '../core/index.ts';
import { memoryBus } from './bus.ts';
import { memoryLedger } from './ledger.ts';

/**
 * A broker in this process, for tests: everything that is given the same one is a process of one fleet.
 *
 * @example
 * ```ts
 * const broker = memoryBroker()
 * const [one, other] = [await rowcast({ source: sqlite('app.db'), broker, bindings }), await rowcast({ source: sqlite('app.db'), broker, bindings })]
 * ```
 */
export function memoryBroker(): Broker {
  const shared = new Map<string, { readonly ledger: Ledger; readonly bus: Bus }>();
  return {
    name: 'memory',
    examine: () => Promise.resolve([]),
    open({ epoch, start, bounds, clock }) {
      let both = shared.get(epoch);
      if (!both) shared.set(epoch, (both = { ledger: memoryLedger(start, { bounds, clock }), bus: memoryBus() }));
      return Promise.resolve({ ...both, close: () => Promise.resolve() });
    },
  };
}
