export { principalOf, type Admission, type Found, type Refusal } from './admission.ts';
export { infoOf, type View } from './audience.ts';
export { BULK, type BulkBounds } from './bulk.ts';
export { systemClock } from './clock.ts';
export {
  command,
  commandFor,
  refuse,
  type Command,
  type CommandContext,
  type CommandMaker,
  type CommandOptions,
  type CommandTypes,
  type RefusalCode,
} from './command.ts';
export type { CommitEvent, EndEvent, LeadEvent, ResetEvent, SessionEvent, WriteEvent } from './events.ts';
export type { Telemetry, TelemetryMeter, TelemetryObserver, TelemetrySpan, TelemetryTracer } from './telemetry.ts';
export { explain, type Explanation, type HeldGroup, type Question } from './explain.ts';
export { watch, type Watched, type WatchedRow } from './watch.ts';
export { EXPOSITION_TYPE, exposition } from './exposition.ts';
export type { HealthReport } from './health.ts';
export type { Metric } from './metrics.ts';
export { consoleLog } from './console-log.ts';
export { consumer, type Consumer, type ConsumerContext } from './consumer.ts';
export type { Connecting, Consumers, Endpoint, EndpointOptions, Identified, OpenEndpoint, StreamsOf } from './endpoint.ts';
export type { Groups, OwnGroups } from './groups.ts';
export { LIMITS, type Limits } from './limits.ts';
export { boundOf } from './bindings.ts';
export { Server, type PublishedRow, type ServerOptions } from './server.ts';
export type { Arrival, Door } from './arrival.ts';
export type { Session } from './session.ts';
export type { PlainFrame } from './tick.ts';
export type { Shown } from './views.ts';
export type { ChangeItem, FrameLimits, RowsItem, RowText, Sender, Transport, Wire } from './wire.ts';
