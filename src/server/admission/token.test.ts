import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Stream } from '../../core/index.ts';
import { isOurs, readToken, signToken, type Grounds } from './token.ts';

const DAY = 86_400_000;
const SINCE = '0000000000000007';
const NOW = Date.UTC(2026, 0, 1);
const KEYS = ['new', 'old'];

function streamOf(name: string, { fingerprint = 'f', memberships = [] as readonly unknown[] } = {}): Stream {
  return { name, fingerprint, binding: { memberships } } as unknown as Stream;
}

const POSTS: Grounds = { epoch: 'here', who: 'ann', stream: streamOf('posts'), groups: ['a', 'b'] };
const signed = (secrets: readonly string[] = KEYS, grounds = POSTS): string => signToken(secrets, grounds, { since: SINCE, now: NOW });
const read = (token: string, other: Partial<Grounds & { now: number }> = {}, secrets: readonly string[] = KEYS): unknown =>
  readToken(secrets, token, { ...POSTS, now: NOW, ...other });

describe('a token', () => {
  test('is good for who it was given, in whatever order their groups come', () => {
    expect(read(signed())).toEqual({ since: SINCE, fresh: true });
    expect(read(signed(), { groups: ['b', 'a'] })).toEqual({ since: SINCE, fresh: true });
    expect(signed(KEYS, { ...POSTS, groups: new Set(['b', 'a']) })).toBe(signed());
  });

  test('is good for a day, and signed anew from the middle of it', () => {
    for (const [now, verdict] of [
      [NOW + DAY / 2 - 1, { since: SINCE, fresh: true }],
      [NOW + DAY / 2, { since: SINCE, fresh: false }],
      [NOW + DAY, { since: SINCE, fresh: false }],
      [NOW + DAY + 1, { reset: 'token_invalid' }],
      [NOW + 400 * DAY, { reset: 'token_invalid' }],
      // A clock that was put back is no reason to read all rows again.
      [NOW - DAY, { since: SINCE, fresh: true }],
    ] as const) {
      expect({ now, verdict: read(signed(), { now }) }).toEqual({ now, verdict });
    }
  });

  test('is signed by the first key, and taken by any that is still there', () => {
    const before = signed(['old']);
    expect(read(before)).toEqual({ since: SINCE, fresh: true });
    expect(signed()).toBe(signed(['new']));
    for (const secrets of [['new'], ['new', 'olds'], ['ol', 'd'], ['']]) {
      expect(read(before, {}, secrets)).toEqual({ reset: 'token_invalid' });
      expect(isOurs(secrets, before, 'here')).toBe(false);
    }
  });

  test.each<[string, Partial<Grounds>, string]>([
    ['another user', { who: 'bob' }, 'token_invalid'],
    ['nobody', { who: 'anonymous' }, 'token_invalid'],
    ['another stream', { stream: streamOf('drafts') }, 'token_invalid'],
    ['another history', { epoch: 'a copy' }, 'timeline'],
    ['another binding', { stream: streamOf('posts', { fingerprint: 'g' }) }, 'bindings'],
    ['a group more', { groups: ['a', 'b', 'c'] }, 'permission_changed'],
    ['a group fewer', { groups: ['a'] }, 'permission_changed'],
    ['no group', { groups: [] }, 'permission_changed'],
    ['two groups that read like one', { groups: ['a,b'] }, 'permission_changed'],
    ['another membership', { groups: ['a'], stream: streamOf('posts', { memberships: [{}] }) }, 'membership'],
    // Whoever it is not for learns nothing of what became of the view.
    ['another user of another binding', { who: 'bob', stream: streamOf('posts', { fingerprint: 'g' }) }, 'token_invalid'],
    ['another user of another history', { who: 'bob', epoch: 'a copy' }, 'token_invalid'],
  ])('is not good for %s', (_what, other, reason) => {
    expect(read(signed(), other)).toEqual({ reset: reason });
  });

  test('says nothing of the user or the groups in clear', () => {
    const token = signed(KEYS, { ...POSTS, who: 'canary-user', groups: ['canary-group'] });
    expect(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).not.toContain('canary');
  });

  test('is nobody’s with anything of it changed, whatever that is', () => {
    const token = signed();
    const changed = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.base64String().map((body) => `${body}.${token.split('.')[1]}`),
      fc.string().map((signature) => `${token.split('.')[0]}.${signature}`),
      fc
        .tuple(fc.nat(token.length - 1), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }))
        .map(([at, letter]) => token.slice(0, at) + letter + token.slice(at + 1)),
      fc.nat(token.length).map((end) => token.slice(0, end)),
      fc.string({ minLength: 1 }).map((more) => token + more),
    );
    fc.assert(
      fc.property(changed, (text) => {
        fc.pre(text !== token);
        expect(read(text)).toEqual({ reset: 'token_invalid' });
        expect(isOurs(KEYS, text, 'here')).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });
});
