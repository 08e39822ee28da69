import { groupKey, groupValue, RowcastError, type Clock, type Log, type Position } from '../../core/index.ts';
import { within } from '../time/deadline.ts';
import type { Connecting, OpenEndpoint } from './endpoint.ts';
import type { Arrival } from './arrival.ts';

/** An endpoint, found by the path of a request, and what its path captured. */
export interface Found {
  readonly endpoint: OpenEndpoint;
  readonly params: Readonly<Record<string, string>>;
}

/** Why somebody may not come in, as an HTTP status. */
export interface Refusal {
  readonly ok: false;
  readonly status: 400 | 401 | 403 | 404 | 500 | 503;
  readonly message: string;
}

export type Admission = { readonly ok: true; readonly arrival: Arrival } | Refusal;

/** Who asks, and the groups they start in: decided by the endpoint's own functions, before there is a connection. */
export async function admission({ endpoint, params }: Found, request: Request, { clock, log, position }: Parts): Promise<Admission> {
  const { options, limits } = endpoint;
  const asOf = position();
  const connecting = { params, query: new URLSearchParams(new URL(request.url).search), request };
  try {
    const user = options.authenticate ? await within(clock, limits.hookMs, options.authenticate(request)) : null;
    if (options.authenticate && (user === null || user === undefined)) return { ok: false, status: 401, message: 'not signed in' };
    const groups = await within(clock, limits.hookMs, options.connectionGroups?.(user, connecting) ?? []);
    for (const group of groups) groupKey(group); // a group that is none is found before there is a connection
    untilOf(user); // … and so is a time
    return { ok: true, arrival: { endpoint, user, principal: principalOf(user), connecting: kept(endpoint, connecting), groups, asOf } };
  } catch (error) {
    log.error({ err: error, path: endpoint.path }, 'authenticate or connectionGroups failed: refused');
    return { ok: false, status: 500, message: 'the server could not let you in' };
  }
}

/** A request is two KiB, for as long as the connection lives. */
function kept({ options, consumers }: OpenEndpoint, { params, query, request }: Connecting): Arrival['connecting'] {
  if (options.refresh) return { params, query, request };
  return consumers.size > 0 ? { params, query } : NOTHING;
}

const NOTHING = {};

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  /** The last entry that has been passed on. */
  position(): Position;
}

/** A user's id makes their connections one person; without one, each client is its own. */
export function principalOf(user: unknown): string | null {
  const id = typeof user === 'object' && user !== null ? (user as { readonly id?: unknown }).id : undefined;
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? `user:${typeof id}:${id}` : null;
}

/** The user's own id, as join tables have it; null: nobody in particular. */
export function userIdOf(user: unknown): string | null {
  return groupValue(typeof user === 'object' && user !== null ? (user as { readonly id?: unknown }).id : undefined);
}

/** Until when the user may stay, in milliseconds since 1970; null: for as long as they like. @throws {RowcastError} `hook_invalid`. */
export function untilOf(user: unknown): number | null {
  const until = typeof user === 'object' && user !== null ? (user as { readonly until?: unknown }).until : null;
  if (until === null || until === undefined) return null;
  const time = until instanceof Date ? until.getTime() : until;
  if (typeof time === 'number' && !Number.isNaN(time)) return time;
  throw new RowcastError('hook_invalid', 'the `until` of a user is a Date, or milliseconds since 1970; leave it out for no end');
}

/** The session of the app's own that the connection belongs to: what `live.revoke({ session })` names. */
export function sessionOf(user: unknown): string | null {
  const session = typeof user === 'object' && user !== null ? (user as { readonly session?: unknown }).session : undefined;
  return typeof session === 'string' && session !== '' ? session : null;
}
