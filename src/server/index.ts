export { principalOf, type Admission, type Found, type Refusal } from './admission/admission.ts';
export { infoOf, type View } from './fan-out/audience.ts';
export { BULK, type BulkBounds } from './window/bulk.ts';
export { systemClock } from './time/clock.ts';
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
} from './writes/command.ts';
export type { CommitEvent, EndEvent, LeadEvent, ResetEvent, SessionEvent, WriteEvent } from './operations/events.ts';
export type { Telemetry, TelemetryMeter, TelemetryObserver, TelemetrySpan, TelemetryTracer } from './operations/telemetry.ts';
export { explain, type Explanation, type HeldGroup, type Question } from './inspection/explain.ts';
export { watch, type Watched, type WatchedRow } from './inspection/watch.ts';
export { EXPOSITION_TYPE, exposition } from './operations/exposition.ts';
export type { HealthReport } from './operations/health.ts';
export type { Metric } from './operations/metrics.ts';
export { consoleLog } from './operations/console-log.ts';
export { consumer, type Consumer, type ConsumerContext } from './fan-out/consumer.ts';
export type { Connecting, Consumers, Endpoint, EndpointOptions, Identified, OpenEndpoint, StreamsOf } from './admission/endpoint.ts';
export type { Groups, OwnGroups } from './fan-out/groups.ts';
export { LIMITS, type Limits } from './fan-out/limits.ts';
export { boundOf } from './bindings/bindings.ts';
export { Server, type PublishedRow, type ServerOptions } from './server.ts';
export type { Arrival, Door } from './admission/arrival.ts';
export type { Session } from './session/session.ts';
export type { Shown } from './views/views.ts';
export type { ChangeItem, FrameLimits, PlainFrame, RowsItem, RowText, Sender, Transport, Wire } from './fan-out/wire.ts';
