import { createHash } from 'node:crypto';
import type { Versions } from '../../core/index.ts';
import type { Joined } from './bindings.ts';

/** What decides how commits are routed: two processes with the same would make the same entries of them. */
export function versionsOf({ streams, members }: Joined): Versions {
  const own: [string, string][] = [...streams.values()].map(({ name, fingerprint }) => [name, fingerprint]);
  // The name of a membership says all that it is; no stream can be called so.
  for (const { membership } of members) own.push([membership.name, '']);
  return Object.fromEntries(own.sort(([one], [other]) => (one < other ? -1 : 1)));
}

export function digestOf(versions: Versions): string {
  return createHash('sha256').update(JSON.stringify(versions)).digest('base64url').slice(0, 16);
}

/** Told apart by how they are written: the name of a membership is a list. */
export const isMembership = (name: string): boolean => name.startsWith('[');
