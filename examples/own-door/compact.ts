// A wire of one's own: the frames of rowcast.1 as short arrays. See docs/doors.md.
import { BadFrame, parseJson, rowcast1, type ChangeItem, type Json, type Packing, type Wire } from '../../src/main/index.ts';

/**
 * Out: `["+", view, key, fields]`, `["~", …]`, `["-", view, key]`, one text for each change; everything else as rowcast.1 has it. In:
 * `[id, stream, action, pk, data]` writes; everything else as rowcast.1 has it.
 */
export function compact<B>(packing: Packing<B>): Wire<B> {
  const base = rowcast1(packing);
  return {
    ...base,
    name: 'compact.1',
    commit: (_position, items) => packing.join(items.map((item) => packing.pack(changeText(item)))),
    parse(text, limits, sender) {
      const value = parseJson(text, { bytes: limits.frameBytes, depth: limits.depth, keys: limits.keys });
      if (!Array.isArray(value)) return base.parse(text, limits, sender);
      const [id, stream, action, pk, data] = value as readonly Json[];
      if (value.length > 5) throw new BadFrame('a write is [id, stream, action, pk, data]');
      const write = { type: 'write', id, stream, action, pk: pk ?? undefined, data: data ?? undefined };
      return base.parse(JSON.stringify(write), limits, sender);
    },
  };
}

const SIGNS = { create: '+', update: '~', delete: '-' } as const;

/** The row's fields are JSON text already, made once for everybody: they are put in as they are. */
function changeText({ view, action, delivery }: ChangeItem): string {
  const head = `["${SIGNS[action]}",${view.number},${delivery.key}`;
  return action === 'delete' ? `${head}]` : `${head},${delivery.fields}]`;
}
