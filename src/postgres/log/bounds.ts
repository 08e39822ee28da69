/** A transaction over either is not kept: its tables are lost in it. */
export interface TransactionBounds {
  /** Bytes, as they come in the log. */
  readonly bytes: number;
  readonly rows: number;
}

/** 64 MiB, 100,000 rows. */
export const BOUNDS: TransactionBounds = { bytes: 64 * 1024 * 1024, rows: 100_000 };
