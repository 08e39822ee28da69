import { describe, test } from 'vitest';
import { memoryBus, memoryLedger } from '../memory/index.ts';
import { busSuite, ledgerSuite } from './index.ts';

const close = async (): Promise<void> => {};

ledgerSuite(
  {
    name: 'memory',
    skip: [],
    async open(start, bounds) {
      let now = 0;
      const ledger = memoryLedger(start, { bounds, clock: { now: () => now } });
      return { ledger, another: async () => ledger, pass: async (ms) => void (now += ms), close };
    },
  },
  { describe, test },
);

busSuite(
  {
    name: 'memory',
    skip: [],
    async open() {
      const bus = memoryBus();
      return { bus, another: async () => bus, close };
    },
  },
  { describe, test },
);
