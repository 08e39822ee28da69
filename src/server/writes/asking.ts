import type { Claim, Clock, ColumnGroup, Log, MemberRole, Receipt, Store, Stream } from '../../core/index.ts';
import type { Command } from './command.ts';
import type { Consumer } from '../fan-out/consumer.ts';
import type { Limits } from '../fan-out/limits.ts';
import type { Telling } from '../fan-out/receipts.ts';

/** What the app wants done when it is committed. */
export type Then = () => void | Promise<void>;

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

export interface AskingParts {
  /** What the endpoint offers. */
  readonly streams: ReadonlyMap<string, Stream>;
  readonly consumers: ReadonlyMap<string, Consumer>;
  readonly commands: ReadonlyMap<string, Command>;
  readonly limits: Limits;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Asking {
  readonly writer: Writer;
  readonly parts: AskingParts;
}
