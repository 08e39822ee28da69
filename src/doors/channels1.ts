import { BadFrame, CLOSE, isRecord, parseJson, type ClientFrame, type CloseReason, type Data, type Json } from '../protocol/index.ts';
import type { ChangeItem, Wire } from '../server/index.ts';
import type { Packing } from './packing.ts';

/** "Try again later": the client reconnects and reads its data again, as the seed says it should. */
const TRY_AGAIN_LATER = 1013;
const NORMAL = 1000;

/** What Channels closed with, where it had a code for it. Its clients come back whatever the code is. */
const CODES: { readonly [K in CloseReason]?: number } = {
  aged: NORMAL,
  slow: TRY_AGAIN_LATER,
  rate: TRY_AGAIN_LATER,
  overloaded: TRY_AGAIN_LATER,
};

/**
 * The seed's wire, Django Channels 1.x: `{"stream", "payload"}` both ways, live only. No answers, no first rows, no positions: refusals are
 * logged, and where `rowcast.1` would say `reset` the socket closes with 1013. A row that is deleted goes with the fields its viewer had; a
 * row that merely left the viewer's groups goes without any.
 */
export function channels1<B>({ pack, join, sizeOf }: Packing<B>): Wire<B> {
  const packed = (items: readonly ChangeItem[]): B => {
    const [first, ...rest] = items.map((item) => pack(changeText(item)));
    return rest.length === 0 ? (first as B) : join([first as B, ...rest]);
  };
  return {
    name: 'channels.1',
    answers: false,
    unasked: true,
    sizeOf,
    rows: () => null,
    resetCloses: TRY_AGAIN_LATER,
    closeCode: (why) => CODES[why] ?? CLOSE[why],
    commit: (_position, items) => packed(items),
    frame(frame) {
      if (frame.type !== 'message') return null;
      return pack(JSON.stringify(frame.stream === null ? frame.payload : { stream: frame.stream, payload: frame.payload }));
    },
    join,
    parse(text, { frameBytes, depth, keys }, sender) {
      const value = parseJson(text, { bytes: frameBytes, depth, keys });
      if (!isRecord(value) || typeof value.stream !== 'string') throw new BadFrame('a frame is {"stream", "payload"}');
      const { stream, payload } = value;
      if (payload === undefined) throw new BadFrame('"payload" is missing');
      if (sender.offered(stream) !== 'binding') return { type: 'message', stream, payload };
      if (!isRecord(payload)) throw new BadFrame('a binding takes an object as "payload"');
      return writeOf(stream, payload, sender.nextId());
    },
  };
}

function changeText({ view, action, delivery }: ChangeItem): string {
  const { name, table } = view.stream;
  const data = action === 'delete' && delivery.after !== null ? '{}' : delivery.fields;
  return `{"stream":${JSON.stringify(name)},"payload":{"action":"${action}","pk":${delivery.key},"data":${data},"model":${JSON.stringify(table.model.name)}}}`;
}

function writeOf(stream: string, payload: { readonly [key: string]: Json }, id: number): ClientFrame {
  const { action, pk, data } = payload;
  if (action !== 'create' && action !== 'update' && action !== 'delete') throw new BadFrame('"action" is one of create, update, delete');
  if (action !== 'delete' && !isRecord(data)) throw new BadFrame(`${action} takes "data", an object`);
  if (action !== 'create' && (pk === undefined || pk === null)) throw new BadFrame(`${action} takes "pk"`);
  return {
    type: 'write',
    id,
    stream,
    action,
    ...(action === 'create' || pk === undefined ? {} : { pk }), // a new row's key is the database's to give
    ...(action === 'delete' ? {} : { data: data as Data }),
  };
}
