export {
  bindingFor,
  type Binding,
  type BindingMaker,
  type BindingOptions,
  type BindingTypes,
  type HookContext,
  type Judged,
} from '../core/index.ts';
export { membership, type Finding, type LedgerBounds, type MemberRole, type Membership, type Rows } from '../core/index.ts';
export { ColumnGroup, groupBy, type Group, type GroupBy } from '../core/index.ts';
export { ERRORS, RowcastError, type ErrorCode } from '../core/index.ts';
export type { Database, OpenDatabase, SetupStep, Log, Model } from '../core/index.ts';
export type { Broker, Bus, ChangeSource, Clock, Lease, Ledger, Store } from '../core/index.ts';
export { consumer, type Consumer, type ConsumerContext, type Connecting, type Endpoint, type EndpointOptions } from '../server/index.ts';
export { command, commandFor, refuse, type Command, type CommandContext, type CommandMaker } from '../server/index.ts';
export type { CommandOptions, CommandTypes, RefusalCode } from '../server/index.ts';
export type { Groups, Identified, Limits, OwnGroups, PublishedRow } from '../server/index.ts';
export { boundOf, systemClock } from '../server/index.ts';
// For the command line, and pages of the app's own that show the same.
export { explain, watch, type Explanation, type HeldGroup, type Question, type Watched, type WatchedRow } from '../server/index.ts';
export { rowcast, type AsOptions, type Bindings, type Live, type RowcastOptions, type UserOf } from './live.ts';
export { probes, type ProbePaths, type Probes } from './probes.ts';
export type { CommitEvent, EndEvent, LeadEvent, ResetEvent, SessionEvent, WriteEvent } from '../server/index.ts';
export type { Telemetry, TelemetryMeter, TelemetryObserver, TelemetrySpan, TelemetryTracer } from '../server/index.ts';
export type { HealthReport } from '../server/index.ts';
export { SUBPROTOCOL, type Answer, type Json } from '../protocol/index.ts';
// For a door or a wire of one's own: docs/doors.md.
export { channels1, plain, rowcast1, type DoorConnection, type Packing, type UpgradingServer, type Visitor } from '../doors/index.ts';
export type { BulkBounds, ChangeItem, Door, FrameLimits, RowsItem, RowText, Sender, Transport, View, Wire } from '../server/index.ts';
export { BadFrame, CLOSE, FrameError, parseJson, type ClientFrame, type CloseReason, type ServerFrame } from '../protocol/index.ts';
