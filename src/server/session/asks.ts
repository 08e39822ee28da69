import type { ColumnGroup, MemberRole, Stream } from '../../core/index.ts';
import type { Asked, AskedFrame } from '../../protocol/index.ts';
import { userIdOf } from '../admission/admission.ts';
import { authorOf } from '../admission/arrival.ts';
import type { Asking } from '../writes/asking.ts';
import type { Caller } from '../views/caller.ts';
import { events, saidOf } from '../operations/events.ts';
import { hashOf, inbound } from '../writes/inbound.ts';
import type { Views } from '../views/views.ts';

/** Has done what a connection asks for: answered once, on the connection that asked. */
export async function asked(caller: Caller, views: Views, frame: AskedFrame): Promise<void> {
  const { gateway, log, memberships, clock } = caller.parts;
  const { box } = caller;
  const [principal, author] = authorFor(caller, frame.client ?? caller.client);
  const receipt = { client: author, write: frame.id, hash: hashOf(frame) };
  const name: Asked = frame.client === undefined ? { id: frame.id } : { id: frame.id, client: frame.client };
  const began = clock.now();
  const trace = gateway.observed.traces?.begin(frame, receipt);
  const expected = gateway.receipts.expect(receipt, box, name);
  const tells: Asking['writer']['tells'] = (telling) => (expected.telling = telling);
  // A refusal stays, and what nobody knows just now is none.
  const known = memberships.known(userIdOf(caller.user));
  const outcome = await known.then(() => inbound(frame, asking(caller, views, { principal, receipt, tells }))).catch(() => null);
  const code = outcome === null ? 'lost' : outcome.answer.ok ? 'ok' : outcome.answer.code;
  gateway.observed.counts.answers[code]++;
  trace?.(code, outcome?.logged ?? true);
  if (events.write.hasSubscribers) events.write.publish({ ...saidOf(frame), code, ms: clock.now() - began, session: caller.id });
  if (outcome === null) return caller.lost();
  const { answer, logged } = outcome;
  if (!answer.ok && !box.wire.answers && frame.type === 'write')
    log.warn({ stream: frame.stream, action: frame.action, code: answer.code }, answer.message);
  gateway.receipts.answered(expected, answer, logged);
}

/** Of each connection that writes: the name that it wrote by last, and what that comes to. */
const authors = new WeakMap<Caller, { readonly client: string; readonly author: ReturnType<typeof authorOf> }>();

function authorFor(caller: Caller, client: string): ReturnType<typeof authorOf> {
  const last = authors.get(caller);
  if (last?.client === client) return last.author;
  const author = authorOf(caller.principal, client);
  authors.set(caller, { client, author });
  return author;
}

type As = Pick<Asking['writer'], 'principal' | 'receipt' | 'tells'>;

function asking({ parts, endpoint, user }: Caller, views: Views, as: As): Asking {
  const { store, clock, log, memberships } = parts;
  const { streams, consumers, commands, limits } = endpoint;
  const writer = {
    ...as,
    user,
    holds: (stream: Stream, group: string) => views.holds(stream, group),
    mayEnter: async (stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>) =>
      views.holds(stream, group.key) || views.may(stream, group, values),
    held: (stream: Stream, role: MemberRole) => memberships.held(userIdOf(user), stream, role),
  };
  return { writer, parts: { store, clock, log, streams, consumers, commands, limits } };
}
