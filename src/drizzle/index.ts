export { drizzle, type DrizzleOptions } from './model.ts';
export type { DrizzleTable } from './table.ts';
