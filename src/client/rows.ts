import { revive, type FieldKind, type StreamInfo, type WireChange } from '../protocol/index.ts';
import type { Change } from './types.ts';

/** Gives a change as it came the values its model promises. Most fields are JSON already: only the others are touched, when first looked at. */
export type Reader = (change: WireChange) => Change;

export function readerOf({ fields }: StreamInfo): Reader {
  const kinds = Object.entries(fields).filter(([, [, shape]]) => shape !== 'string' && shape !== 'boolean' && shape !== 'json');
  return ([, action, pk, data]) => {
    if (!data) return { action: 'delete', pk, data: null };
    if (kinds.length === 0) return { action: action as 'update', pk, data };
    let revived: Readonly<Record<string, unknown>> | undefined;
    return {
      action: action as 'update',
      pk,
      get data() {
        return (revived ??= reviveAll(data as Record<string, never>, kinds));
      },
    };
  };
}

function reviveAll(data: Record<string, never>, kinds: readonly (readonly [string, FieldKind])[]): Readonly<Record<string, unknown>> {
  const row: Record<string, unknown> = data;
  for (const [name, kind] of kinds) {
    const value = data[name];
    try {
      if (value !== undefined) row[name] = revive(value, kind);
    } catch {
      // What its kind does not allow stays what it was: it must not throw in a handler that only looks at it.
    }
  }
  return row;
}
