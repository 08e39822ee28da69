import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { User } from './bindings.ts';

const COOKIE = 'live_blog';
const LENGTH = 32; // characters of a secret, at least
const WEEK = 7 * 24 * 60 * 60; // seconds

/** Who a request comes from, by a signed cookie: `role.id.signature`. In an app of yours this is its session. */
export interface SignIn {
  userOf(cookies: string | null | undefined): User;
  /** The value of `Set-Cookie`. */
  cookieFor(role: User['role']): string;
}

/** The secret is made at first start and kept in the folder, so that a restart signs nobody out. */
export function signIn(folder: string): SignIn {
  const secret = secretIn(folder);
  const sign = (text: string): string => createHmac('sha256', secret).update(text).digest('base64url');
  return {
    userOf(cookies) {
      const value = cookies
        ?.split(';')
        .map((cookie) => cookie.trim())
        .find((cookie) => cookie.startsWith(`${COOKIE}=`))
        ?.slice(COOKIE.length + 1);
      const [role, id, signature] = value?.split('.') ?? [];
      if (!isRole(role) || !id || !signature || !same(signature, sign(`${role}.${id}`))) return { role: 'reader' };
      return { id, role };
    },
    cookieFor(role) {
      const user = `${role}.${randomBytes(12).toString('base64url')}`;
      return `${COOKIE}=${user}.${sign(user)}; Path=/; Max-Age=${WEEK}; HttpOnly; SameSite=Lax`;
    },
  };
}

export const isRole = (value: unknown): value is User['role'] => value === 'reader' || value === 'editor';

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function secretIn(folder: string): string {
  const file = join(folder, 'secret');
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // An empty one (a full disk) would let anybody sign.
  if (kept.length >= LENGTH) return kept;
  const secret = randomBytes(32).toString('base64url');
  writeFileSync(`${file}.new`, secret, { mode: 0o600 });
  renameSync(`${file}.new`, file); // whole or not at all
  return secret;
}
