import { RowcastError, type Position, type ResetReason } from '../../core/index.ts';
import { userIdOf } from '../admission/admission.ts';
import { isOurs, readToken, signToken, type Grounds } from '../admission/token.ts';
import type { Caller } from './caller.ts';
import type { Subscription } from './subscription.ts';

/** All those who are nobody in particular: what one of them has been told of a group, any of them with the same may go on from. */
const NOBODY = 'anonymous';
/** A position that has not come yet is waited for, ms: another process may have been there. */
const BEHIND = 10_000;

/** Where a client says that it was, and what shows that it was. */
export interface Before {
  readonly at: Position;
  readonly token: string;
}

/** Shows later that the view has been held since then. */
export function tokenOf(caller: Caller, subscription: Subscription, since: Position): string {
  const { secrets, clock } = caller.parts;
  return signToken(secrets, groundsOf(caller, subscription), { since, now: clock.time() });
}

/** Goes on from where the client was. @returns why not. */
export function resumed(caller: Caller, subscription: Subscription, { at, token }: Before): ResetReason | null {
  const { gateway, clock, secrets } = caller.parts;
  const { window } = gateway;
  const { stream } = subscription.view;
  const verdict = readToken(secrets, token, { ...groundsOf(caller, subscription), now: clock.time() });
  if ('reset' in verdict) return verdict.reset;
  if (at < verdict.since) return 'token_invalid';
  const user = userIdOf(caller.user);
  const refused =
    window.refuses(at) ??
    (window.revokedSince(at, { user: whoIs(caller) }) ? 'permission_changed' : null) ??
    // Who left and came back has no right to what happened between.
    (user !== null && stream.binding.memberships.some(({ name }) => window.membersSince(at, name, user).length > 0)
      ? 'membership'
      : null) ??
    window.resetSince(at, stream.name);
  if (refused) return refused;
  return subscription.resume(at, { since: verdict.since, token: verdict.fresh ? token : null }) ? null : 'bulk';
}

/**
 * Where another process was a moment ago, this one is in a moment. Only for who shows that they were there. False: it is so far behind that
 * they would go back in time here.
 */
export async function hasCome(caller: Caller, { at, token }: Before): Promise<boolean> {
  const { gateway, secrets, clock, reach, epoch } = caller.parts;
  if (at <= gateway.position || !isOurs(secrets, token, epoch)) return true;
  const late = new AbortController();
  const timer = clock.after(BEHIND, () => late.abort());
  try {
    await reach(at, late.signal);
    return true;
  } catch (error) {
    // A place of another history never comes: what is to be said of it is said at once.
    return error instanceof RowcastError && error.code === 'source_lost';
  } finally {
    timer.cancel();
  }
}

function groundsOf(caller: Caller, { view, groups }: Subscription): Grounds {
  return { epoch: caller.parts.epoch, who: whoIs(caller), stream: view.stream, groups: groups.keys() };
}

/** Whose tokens these are. */
const whoIs = ({ principal }: Caller): string => principal ?? NOBODY;
