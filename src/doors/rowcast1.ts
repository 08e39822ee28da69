import { CLOSE, parseClientFrame, type Position } from '../protocol/index.ts';
import type { ChangeItem, Wire } from '../server/index.ts';
import type { Packing } from './packing.ts';

/** `rowcast.1`, as PROTOCOL.md has it. */
export function rowcast1<B>({ pack, join, sizeOf }: Packing<B>): Wire<B> {
  return {
    name: 'rowcast.1',
    answers: true,
    unasked: false,
    sizeOf,
    resetCloses: null,
    closeCode: (why) => CLOSE[why],
    commit(position, items) {
      const parts = partsOf(position, items).map((text) => pack(text));
      return parts.length === 1 ? (parts[0] as B) : join(parts);
    },
    rows: ({ view, rows, count, total }) =>
      pack(
        `{"type":"rows","view":${view.number},"rows":[${rows.map(({ key, fields }) => `[${key},${fields}]`).join(',')}],"count":${count},"total":${total}}`,
      ),
    frame: (frame) => pack(JSON.stringify(frame)),
    join,
    parse: (text, { frameBytes, depth, keys }) => parseClientFrame(text, { bytes: frameBytes, depth, keys }),
  };
}

/** Bytes of a commit that go in one frame; more go in several. As text, so that a part may be up to four times as many bytes. */
const PART = 65_536;

function partsOf(position: Position, items: readonly ChangeItem[]): readonly string[] {
  const merged = items[0]?.merged ? ',"merged":true' : '';
  const parts: string[] = [];
  let changes = '';
  for (const item of items) {
    const text = changeText(item);
    if (changes !== '' && changes.length + text.length > PART) {
      parts.push(`{"type":"commit","position":"${position}","changes":[${changes}]${merged},"more":true}`);
      changes = '';
    }
    changes += changes === '' ? text : `,${text}`;
  }
  parts.push(`{"type":"commit","position":"${position}","changes":[${changes}]${merged}}`);
  return parts;
}

function changeText({ view, action, delivery }: ChangeItem): string {
  if (action === 'delete') return `[${view.number},"delete",${delivery.key}]`;
  return `[${view.number},"${action}",${delivery.key},${delivery.fields}]`;
}
