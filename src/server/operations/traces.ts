import type { AskedFrame } from '../../protocol/index.ts';
import type { Entry, Receipt, RowStep, Store, StoreWrite } from '../../core/index.ts';
import { saidOf } from './events.ts';
import { SCOPE, type Telemetry, type TelemetrySpan, type TelemetryTracer } from './telemetry.ts';

/** OpenTelemetry's numbers for what a span is, and how it ended. */
const KIND = { internal: 0, server: 1, consumer: 4 } as const;
const FAILED = 2;
/** Writes whose commit has not come yet, at most: over it the oldest is forgotten, and its delivery stands alone. */
const MOST = 10_000;

type Named = Pick<Receipt, 'client' | 'write'>;

/**
 * What a write became, from the frame to the sockets: a span for the write with its judging and its transaction in it, and one each for the
 * routing of its commit and for the delivery, which are linked to it by the receipt that the commit carries. Made only where somebody records.
 */
export class Traces {
  readonly #api: Telemetry;
  readonly #tracer: TelemetryTracer;
  readonly #begun = new Map<string, TelemetrySpan>();

  constructor(api: Telemetry) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(SCOPE);
  }

  /** A client asks for something. @returns what to call with how it was answered, and whether a commit tells of it; null: nobody records. */
  begin(frame: AskedFrame, receipt: Named): ((code: string, logged: boolean) => void) | null {
    const { kind, streams, actions } = saidOf(frame);
    const [stream, action] = [[...new Set(streams)].join(','), [...new Set(actions)].join(',')];
    const attributes = {
      'rowcast.stream': stream,
      'rowcast.action': action,
      'rowcast.writes': streams.length,
      'rowcast.receipt': keyOf(receipt),
    };
    const span = this.#tracer.startSpan(`rowcast ${kind} ${stream}`, { kind: KIND.server, attributes });
    if (!span.isRecording()) return null;
    const key = keyOf(receipt);
    this.#begun.delete(key);
    this.#begun.set(key, span);
    if (this.#begun.size > MOST) this.#begun.delete(this.#begun.keys().next().value as string);
    return (code, logged) => {
      span.setAttribute('rowcast.code', code);
      if (code === 'internal' || code === 'lost') span.setStatus({ code: FAILED });
      span.end();
      if (!logged) this.#begun.delete(key); // no commit comes for it
    };
  }

  /** The store with a span for each write's transaction, and in it one for each judging. What the app does there is inside these, too. */
  store(store: Store): Store {
    return {
      write: (write) => {
        const parent = this.#begun.get(keyOf(write.claim.receipt));
        return parent ? this.#inside('rowcast store', parent, (span) => store.write(this.#judged(write, span))) : store.write(write);
      },
    };
  }

  /** Entries go into the ledger; `since`: they were read, in ms since 1970. @returns what to call when they have. */
  routed(entries: readonly Entry[], since: number): () => void {
    const spans = entries.map((entry) => this.#linked('rowcast route', entry, { kind: KIND.consumer, startTime: since }));
    return () => {
      for (const span of spans) span?.end();
    };
  }

  /** An entry has been passed on, and goes out. @returns what to call when it has. */
  passed(entry: Entry): (() => void) | null {
    const span = this.#linked('rowcast deliver', entry, { kind: KIND.consumer });
    if (!span) return null;
    for (const receipt of entry.receipts) this.#begun.delete(keyOf(receipt));
    return () => span.end();
  }

  #linked(name: string, { position, receipts, deliveries }: Entry, options: object): TelemetrySpan | null {
    const spans = receipts.flatMap((receipt) => this.#begun.get(keyOf(receipt)) ?? []);
    if (spans.length === 0) return null;
    const attributes = {
      'rowcast.position': position,
      'rowcast.rows': deliveries.length,
      'rowcast.receipt': receipts.map(keyOf).join(','),
    };
    const links = spans.map((span) => ({ context: span.spanContext() }));
    return this.#tracer.startSpan(name, { ...options, attributes, links });
  }

  #judged(write: StoreWrite, parent: TelemetrySpan): StoreWrite {
    const [first] = write.steps;
    if (first.kind === 'call') {
      const step = { ...first, judge: () => this.#inside('rowcast judge', parent, () => first.judge()) };
      return { ...write, steps: [step] };
    }
    const steps = (write.steps as readonly RowStep[]).map((step) => ({
      ...step,
      judge: (before: Parameters<RowStep['judge']>[0]) => this.#inside('rowcast judge', parent, () => step.judge(before)),
    }));
    return { ...write, steps };
  }

  #inside<T>(name: string, parent: TelemetrySpan, run: (span: TelemetrySpan) => T): T {
    const { trace, context } = this.#api;
    const span = this.#tracer.startSpan(name, { kind: KIND.internal }, trace.setSpan(context.active(), parent));
    const ended = (): void => span.end();
    const failed = (error: unknown): never => {
      span.recordException(error instanceof Error ? error : new Error(String(error)));
      span.setStatus({ code: FAILED });
      span.end();
      throw error;
    };
    let made: T;
    try {
      made = context.with(trace.setSpan(context.active(), span), () => run(span));
    } catch (error) {
      return failed(error);
    }
    // A judge that answers at once must not be made to wait: SQLite writes in one turn.
    if (made instanceof Promise) return made.then((value: unknown) => (ended(), value), failed) as T;
    ended();
    return made;
  }
}

const keyOf = ({ client, write }: Named): string => `${client}/${write}`;
