export { pglite, type PgliteOptions } from './database.ts';
