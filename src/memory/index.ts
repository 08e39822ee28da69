export { memoryBus } from './bus.ts';
export { memory } from './database.ts';
export { memoryLedger } from './ledger.ts';
