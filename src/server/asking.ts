import type { Clock, ColumnGroup, Log, MemberRole, Receipt, Store, Stream } from '../core/index.ts';
import type { BatchFrame, CallFrame, WriteFrame } from '../protocol/index.ts';
import type { OpenEndpoint } from './endpoint.ts';

/** What is done once, and answered once. */
export type AskedFrame = WriteFrame | BatchFrame | CallFrame;

/** What the app wants done when it is committed. */
export type Then = () => void | Promise<void>;

/** Who asks, and from where. */
export interface Writer {
  readonly user: unknown;
  readonly principal: string;
  readonly receipt: Receipt;
  /** Does the connection hold this group of the stream, or does it belong to its user? */
  holds(this: void, stream: Stream, group: string): boolean;
  /** Or may it ask for it? */
  mayEnter(this: void, stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** The groups of the stream that are the writer's in one of these roles. */
  held(stream: Stream, role: MemberRole): ReadonlySet<string>;
}

export interface AskingParts extends Pick<OpenEndpoint, 'streams' | 'consumers' | 'commands' | 'limits'> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Asking {
  readonly writer: Writer;
  readonly parts: AskingParts;
}
