import type { Claim, Clock, ColumnGroup, Log, MemberRole, Receipt, Store, Stream } from '../core/index.ts';
import type { BatchFrame, CallFrame, Refused, WriteFrame } from '../protocol/index.ts';
import type { OpenEndpoint } from './endpoint.ts';

/** What is done once, and answered once. */
export type AskedFrame = WriteFrame | BatchFrame | CallFrame;

/** What the app wants done when it is committed. */
export type Then = () => void | Promise<void>;

/** What is told of a row with a refusal, once it is known who may hear it. */
export type Telling = (refused: Refused) => Refused;

/** Who asks, and from where. */
export interface Writer {
  readonly user: unknown;
  readonly principal: string;
  readonly receipt: Receipt & Pick<Claim, 'hash'>;
  /** Does the connection hold this group of the stream, or does it belong to its user? */
  holds(this: void, stream: Stream, group: string): boolean;
  /** Or may it ask for it? */
  mayEnter(this: void, stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** The groups of the stream that are the writer's in one of these roles. */
  held(stream: Stream, role: MemberRole): ReadonlySet<string>;
  /** What goes with the refusal when the log has come to it; null: nothing. */
  tells(this: void, telling: Telling | null): void;
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
