export {
  revive,
  toWire,
  type Action,
  type Answer,
  type FieldKind,
  type Json,
  type Key,
  type Kind,
  type Ok,
  type Refused,
  type ResetReason,
} from '../protocol/index.ts';
export * from './array-text.ts';
export * from './binding.ts';
export * from './carried-bus.ts';
export * from './change.ts';
export * from './entry.ts';
export { entriesIn, textOf } from './entries-text.ts';
export * from './errors.ts';
export * from './fold.ts';
export * from './groups.ts';
export * from './judging.ts';
export * from './leasing.ts';
export * from './ledger-rules.ts';
export * from './membership.ts';
export * from './model.ts';
export * from './ports/broker.ts';
export * from './ports/bus.ts';
export * from './ports/change-source.ts';
export * from './ports/clock.ts';
export * from './ports/database.ts';
export * from './ports/lease.ts';
export * from './ports/ledger.ts';
export * from './ports/log.ts';
export * from './ports/rows.ts';
export * from './ports/store.ts';
export * from './position.ts';
export * from './route.ts';
export * from './shelf.ts';
export * from './sees.ts';
export * from './snapshot.ts';
export type { Steps } from './steps.ts';
export * from './stream.ts';
export * from './table.ts';
export * from './waiting.ts';
