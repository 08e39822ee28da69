import { describe, test } from 'vitest';
import { memoryBus, memoryLedger } from '../memory/index.ts';
import { busSuite, ledgerSuite } from './index.ts';

const close = async (): Promise<void> => {};

ledgerSuite(
  {
    name: 'memory',
    skip: [],
    async open(start) {
      const ledger = memoryLedger(start);
      return { ledger, another: async () => ledger, close };
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
