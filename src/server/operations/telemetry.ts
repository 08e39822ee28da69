import type { Counts } from './counts.ts';
import { LAGS } from './counts.ts';
import { everyMetric, type Family, type Metric } from './metrics.ts';

type Attributes = Record<string, string | number>;

/** What is used of a span of `@opentelemetry/api`. */
export interface TelemetrySpan {
  isRecording(): boolean;
  spanContext(): unknown;
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  recordException(error: Error): void;
  end(): void;
}

/** … of what a batch of observations is given to. */
export interface TelemetryObserver {
  observe(instrument: unknown, value: number, attributes?: Attributes): void;
}

/** … of a meter. */
export interface TelemetryMeter {
  createObservableCounter(name: string, options: object): unknown;
  createObservableGauge(name: string, options: object): unknown;
  createHistogram(name: string, options: object): { record(value: number): void };
  addBatchObservableCallback(observe: (observer: TelemetryObserver) => void | Promise<void>, instruments: unknown[]): void;
  removeBatchObservableCallback(observe: (observer: TelemetryObserver) => void | Promise<void>, instruments: unknown[]): void;
}

/** … of a tracer. */
export interface TelemetryTracer {
  startSpan(name: string, options: object, context?: unknown): TelemetrySpan;
}

/**
 * OpenTelemetry's API as the package `@opentelemetry/api` exports it, or what has these parts of it.
 *
 * @example import * as telemetry from '@opentelemetry/api'; await rowcast({ …, telemetry })
 */
export interface Telemetry {
  readonly metrics: { getMeter(name: string): TelemetryMeter };
  readonly trace: { getTracer(name: string): TelemetryTracer; setSpan(context: unknown, span: TelemetrySpan): unknown };
  readonly context: { active(): unknown; with<T>(context: unknown, run: () => T): T };
}

/** Under which name all of it is. */
export const SCOPE = 'rowcast';

/** Gives the numbers to OpenTelemetry, whenever it asks. @returns the way to stop. */
export function metered({ metrics: api }: Telemetry, counts: Counts, read: () => Promise<readonly Metric[]>): () => void {
  const meter = api.getMeter(SCOPE);
  const instruments = new Map<string, unknown>();
  for (const metric of everyMetric()) {
    if (metric.type !== 'histogram') instruments.set(metric.name, instrumentOf(meter, metric));
    else {
      const options = { description: metric.help, unit: 's', advice: { explicitBucketBoundaries: LAGS.map((ms) => ms / 1_000) } };
      const histogram = meter.createHistogram(nameOf(metric.name), options);
      counts.onLag = (ms) => histogram.record(ms / 1_000);
    }
  }
  const observe = async (observer: TelemetryObserver): Promise<void> => {
    for (const metric of await read()) {
      if (metric.type === 'histogram') continue;
      for (const { labels, value } of metric.samples) observer.observe(instruments.get(metric.name), value, { ...labels });
    }
  };
  const all = [...instruments.values()];
  meter.addBatchObservableCallback(observe, all);
  return () => {
    counts.onLag = null;
    meter.removeBatchObservableCallback(observe, all);
  };
}

function instrumentOf(meter: TelemetryMeter, { name, help, type }: Family): unknown {
  const unit = /_(seconds|bytes)(_total)?$/.exec(name)?.[1];
  const options = { description: help, ...(unit !== undefined && { unit: unit === 'seconds' ? 's' : 'By' }) };
  return type === 'counter' ? meter.createObservableCounter(nameOf(name), options) : meter.createObservableGauge(nameOf(name), options);
}

/** The unit is said beside the name there, and what a counter is goes without saying. */
const nameOf = (name: string): string =>
  name
    .replace(/_total$/, '')
    .replace(/_seconds$/, '')
    .replace('_', '.');
