import type { Clock, ColumnGroup, Log, MemberRole, Store, Stream } from '../core/index.ts';
import type { Asked } from '../protocol/index.ts';
import { userIdOf } from './admission.ts';
import { authorOf, type Arrival } from './arrival.ts';
import type { AskedFrame, Asking } from './asking.ts';
import type { Gateway } from './gateway.ts';
import { hashOf, inbound } from './inbound.ts';
import type { Memberships } from './memberships.ts';
import type { Outbox } from './outbox.ts';
import type { Views } from './views.ts';

export interface AsksParts {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly memberships: Memberships;
  readonly clock: Clock;
  readonly log: Log;
  readonly arrival: Arrival;
  readonly box: Outbox<unknown>;
  readonly views: Views;
  /** Who asks, as they are now. */
  user(): unknown;
  /** The name the connection goes by. */
  client(): string;
  /** Nobody can tell what became of something: the client has to ask again. */
  lost(): void;
}

/** What one connection asks to have done: each is answered once, on the connection that asked. */
export class Asks {
  readonly #parts: AsksParts;

  constructor(parts: AsksParts) {
    this.#parts = parts;
  }

  async take(frame: AskedFrame): Promise<void> {
    const { gateway, log, box, lost, arrival, client, memberships, user } = this.#parts;
    const [principal, author] = authorOf(arrival, frame.client ?? client());
    const receipt = { client: author, write: frame.id, hash: hashOf(frame) };
    const asked: Asked = frame.client === undefined ? { id: frame.id } : { id: frame.id, client: frame.client };
    const expected = gateway.receipts.expect(receipt, box, asked);
    const asking = this.#asking(principal, receipt, (telling) => (expected.telling = telling));
    // A refusal stays, and what nobody knows just now is none.
    const known = memberships.known(userIdOf(user()));
    const outcome = await known.then(() => inbound(frame, asking)).catch(() => null);
    if (outcome === null) return lost();
    const { answer, logged } = outcome;
    if (!answer.ok && !box.wire.answers && frame.type === 'write')
      log.warn({ stream: frame.stream, action: frame.action, code: answer.code }, answer.message);
    gateway.receipts.answered(expected, answer, logged);
  }

  #asking(principal: string, receipt: Asking['writer']['receipt'], tells: Asking['writer']['tells']): Asking {
    const { store, clock, log, arrival, memberships, views, user } = this.#parts;
    const { streams, consumers, commands, limits } = arrival.endpoint;
    const by = user();
    const writer = {
      user: by,
      principal,
      receipt,
      tells,
      holds: (stream: Stream, group: string) => views.holds(stream, group),
      mayEnter: async (stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>) =>
        views.holds(stream, group.key) || views.may(stream, group, values),
      held: (stream: Stream, role: MemberRole) => memberships.held(userIdOf(by), stream, role),
    };
    return { writer, parts: { store, clock, log, streams, consumers, commands, limits } };
  }
}
