export { postgres, type PostgresOptions } from './database.ts';
export { BOUNDS, type TransactionBounds } from './log/bounds.ts';
// The dialect: what another body of it (PGlite) is made of.
export { readCatalog, type Relation } from './tables/catalog.ts';
export { examineEmbedded } from './examine.ts';
export { Journal, leaveByFunction, leaveInJournal, waking, type JournalParts } from './journal/journal.ts';
export { CHANNEL, journalGone, journalSteps } from './journal/setup.ts';
export { refuseUntold, restoring } from './journal/tables.ts';
export { timelineOf } from './journal/ticks.ts';
export { PgRows, type RowsParts } from './tables/rows.ts';
export { bookkeeping, bookkeepingGone, readNotes } from './setup/bookkeeping.ts';
export { applySteps, refuseMissing } from './setup/steps.ts';
export { Lease } from './connection/lease.ts';
export type { DrizzleOver } from './connection/sessions.ts';
export {
  isPglite,
  literal,
  paramText,
  PINNED,
  sqlState,
  type RawRow,
  type Sessions,
  type Sql,
  type Transaction,
} from './connection/sql.ts';
export { PgStore } from './store/store.ts';
export { joinTables, type PgTable } from './tables/tables.ts';
