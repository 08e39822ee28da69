export { postgres, type PostgresOptions } from './database.ts';
export { BOUNDS, type TransactionBounds } from './assembler.ts';
// The dialect: what another body of it (PGlite) is made of.
export { readCatalog, type Relation } from './catalog.ts';
export { examineEmbedded } from './examine.ts';
export { Journal, leaveInJournal, waking, type JournalParts } from './journal.ts';
export { CHANNEL, journalGone, journalSteps } from './journal-setup.ts';
export { refuseUntold, restoring } from './journal-tables.ts';
export { timelineOf } from './journal-ticks.ts';
export { PgRows, type RowsParts } from './rows.ts';
export { applySteps, bookkeeping, bookkeepingGone, readNotes, refuseMissing } from './setup.ts';
export { Lease } from './lease.ts';
export type { DrizzleOver } from './sessions.ts';
export { isPglite, literal, paramText, PINNED, sqlState, type RawRow, type Sessions, type Sql, type Transaction } from './sql.ts';
export { PgStore } from './store.ts';
export { joinTables, type PgTable } from './tables.ts';
