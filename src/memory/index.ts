export { memoryBus } from './bus.ts';
export { memory } from './database.ts';
export { memoryLedger } from './ledger.ts';
export { memoryTable } from './table.ts';
