import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { Position, ResetReason, Stream } from '../../core/index.ts';

/** What a client that comes back must still be, have and see, to be told what happened meanwhile in place of its rows. */
export interface Grounds {
  readonly epoch: string;
  /** The principal. */
  readonly who: string;
  readonly stream: Stream;
  readonly groups: Iterable<string>;
}

/** The first signs; what any of them has signed is taken. */
export type Secrets = readonly string[];

/** A day: older than any window is likely to be. */
const LIFETIME = 86_400_000;

type Said = readonly [epoch: string, who: string, stream: string, groups: string, fingerprint: string, since: Position, expires: number];

/**
 * Signs that somebody has held a view since a position: `{ epoch, who, stream, groups, fingerprint, since, exp }` and a MAC (HMAC-SHA-256,
 * RFC 2104). It stays the same for as long as those do, whatever happens in the view; where the client is, it says itself, in clear.
 */
export function signToken(
  [secret = '']: Secrets,
  grounds: Grounds,
  { since, now }: { readonly since: Position; readonly now: number },
): string {
  const [epoch, who, stream, groups, fingerprint] = groundsOf(grounds);
  const said: Said = [epoch, who, stream, groups, fingerprint, since, now + LIFETIME];
  const body = Buffer.from(JSON.stringify(said)).toString('base64url');
  return `${body}.${mac(secret, body)}`;
}

/** `fresh`: it will be good for long, and need not be signed anew. */
export type Verdict = { readonly since: Position; readonly fresh: boolean } | { readonly reset: ResetReason };

/** Whether the token is good for this, now; where not, why. */
export function readToken(secrets: Secrets, token: string, { now, ...grounds }: Grounds & { readonly now: number }): Verdict {
  const said = opened(secrets, token);
  if (!said) return { reset: 'token_invalid' };
  const [epoch, who, stream, groups, fingerprint, since, expires] = said;
  const [nowEpoch, nowWho, nowStream, nowGroups, nowFingerprint] = groundsOf(grounds);
  if (expires < now || who !== nowWho || stream !== nowStream) return { reset: 'token_invalid' };
  if (epoch !== nowEpoch) return { reset: 'timeline' };
  if (fingerprint !== nowFingerprint) return { reset: 'bindings' };
  if (groups !== nowGroups) return { reset: grounds.stream.binding.memberships.length > 0 ? 'membership' : 'permission_changed' };
  return { since, fresh: expires - now > LIFETIME / 2 };
}

/** Who this is, for a client that keeps things for later: says nothing of them, and nobody can make it up. */
export function userText(secret: string, principal: string): string {
  return mac(secret, `user ${principal}`).slice(0, 22);
}

/** Whether it was signed for this history at all, for whatever. */
export function isOurs(secrets: Secrets, token: string, epoch: string): boolean {
  return opened(secrets, token)?.[0] === epoch;
}

function opened(secrets: Secrets, token: string): Said | null {
  const [body = '', signature = '', ...more] = token.split('.');
  const given = Buffer.from(signature); // as text: several texts are the same bytes
  const isBy = (secret: string): boolean => {
    const right = Buffer.from(mac(secret, body));
    return given.length === right.length && timingSafeEqual(given, right);
  };
  if (more.length > 0 || !secrets.some(isBy)) return null;
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Said; // signed by us: it is what we wrote
}

function groundsOf({ epoch, who, stream, groups }: Grounds): readonly [string, string, string, string, string] {
  return [epoch, digest(who), stream.name, digest(JSON.stringify([...groups].sort())), stream.fingerprint];
}

const mac = (secret: string, body: string): string => createHmac('sha256', secret).update(body).digest('base64url');
const digest = (text: string): string => hash('sha256', text, 'base64url').slice(0, 16);
