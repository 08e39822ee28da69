import type { Json, Maybe } from '../../core/index.ts';
import { jsonOf, type OwnGroups } from './groups.ts';

/** What a consumer's functions get: one connection, and this consumer's stream on it. */
export interface ConsumerContext<User> {
  readonly user: User;
  readonly stream: string;
  /** What the endpoint's path captured: `/binding/:blog/`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The app's own, for as long as the connection lasts. */
  readonly state: Record<string, unknown>;
  readonly groups: OwnGroups;
  /** To this connection, on this stream. Goes out when the function has ended, at once when it has ended already; a function that throws has sent nothing. */
  reply(payload: Json): void;
  /** Closes the connection. 1000 or 3000-4999. */
  close(code?: number, reason?: string): void;
}

/** A stream of the app's own, beside the bindings: chat, presence, a cursor. */
export interface Consumer<User = unknown> {
  readonly consumer: true;
  connect?(context: ConsumerContext<User>): Maybe<void>;
  receive?(content: Json, context: ConsumerContext<User>): Maybe<void>;
  disconnect?(context: ConsumerContext<User>, code: number): Maybe<void>;
  /** Between the wire and `receive`, in place of plain JSON. */
  decode?(payload: Json): Json;
  /** Between `reply` or `groups.send` and the wire. */
  encode?(payload: Json): Json;
}

/**
 * Declares a consumer of the app's own for an endpoint's `consumers`.
 *
 * @example
 * ```ts
 * const chat = consumer<User>({
 *   connect: ({ groups }) => groups.add('room'),
 *   receive: (content, { groups }) => groups.send('room', content, { others: true }),
 * })
 * ```
 */
export function consumer<User = unknown>(functions: Omit<Consumer<User>, 'consumer'>): Consumer<User> {
  return { consumer: true, ...functions };
}

/** As it goes out. @throws when `encode` does, or gives what JSON cannot hold. */
export function encoded({ encode }: Consumer, payload: Json): Json {
  return jsonOf(encode ? encode(payload) : payload);
}
