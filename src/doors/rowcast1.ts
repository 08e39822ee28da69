import { CLOSE, parseClientFrame } from '../protocol/index.ts';
import type { ChangeItem, Wire } from '../server/index.ts';
import type { Packing } from './packing.ts';

/** `rowcast.1`, as PROTOCOL.md has it. */
export function rowcast1<B>({ pack, join }: Packing<B>): Wire<B> {
  return {
    name: 'rowcast.1',
    answers: true,
    resetCloses: null,
    closeCode: (why) => CLOSE[why],
    commit: (position, items) => pack(`{"type":"commit","position":"${position}","changes":[${items.map(changeText).join(',')}]}`),
    frame: (frame) => pack(JSON.stringify(frame)),
    join,
    parse: (text, { frameBytes, depth, keys }) => parseClientFrame(text, { bytes: frameBytes, depth, keys }),
  };
}

function changeText({ view, action, delivery }: ChangeItem): string {
  if (action === 'delete') return `[${view.number},"delete",${delivery.key}]`;
  return `[${view.number},"${action}",${delivery.key},${delivery.fields}]`;
}
