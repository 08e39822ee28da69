export { memoryBroker } from './broker.ts';
export { memoryBus } from './bus.ts';
export { memory } from './database.ts';
export { memoryLease } from './lease.ts';
export { memoryLedger, type MemoryLedgerOptions } from './ledger.ts';
export { memoryTable } from './table.ts';
