import type { Clock, Log, Position, Store } from '../../core/index.ts';
import type { AnswerCode } from '../../protocol/index.ts';
import type { OpenEndpoint } from '../admission/endpoint.ts';
import type { FirstRows } from './first-rows.ts';
import type { Gateway } from '../fan-out/gateway.ts';
import type { Memberships } from './memberships.ts';
import type { Outbox } from '../fan-out/outbox.ts';

/** What every session of a server shares. */
export interface SessionParts {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly firstRows: FirstRows;
  readonly memberships: Memberships;
  readonly clock: Clock;
  readonly log: Log;
  readonly epoch: string;
  /** What clients bring back: the first signs it, any of them will do. */
  readonly secrets: readonly string[];
  /** … and what names users to clients: it stays the same when others sign. */
  readonly secret: string;
  /** What the app says it runs; null: nothing. */
  readonly build: string | null;
  /** Resolves when everything up to the position has been passed on. */
  reach(position: Position, signal: AbortSignal): Promise<void>;
  /** Seconds between two pings. */
  readonly heartbeat: number;
}

/**
 * One connection, as those see it who work for it. They ask it, and keep neither a copy nor a function of what it knows: there are many
 * connections, and most of them wait.
 */
export interface Caller {
  readonly parts: SessionParts;
  readonly id: string;
  readonly endpoint: OpenEndpoint;
  readonly box: Outbox<unknown>;
  /** Who it is; null: nobody in particular. */
  readonly principal: string | null;
  /** … as the app knows them now: a connection may get newer credentials. */
  readonly user: unknown;
  /** The name it goes by: its own, until it has said another. */
  readonly client: string;
  error(code: AnswerCode, message: string, id?: number): void;
  /** Nobody can tell what became of something: the client has to ask again. */
  lost(): void;
  /** What the client asks for is told by other processes: it comes back after a moment, to one of them. */
  goElsewhere(): void;
}
