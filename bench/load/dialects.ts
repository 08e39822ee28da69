/** How clients of one server get to its rows, over a WebSocket. A client of it keeps no rows: it opens, answers what has to be answered, and counts. */
export interface Dialect {
  readonly path: (client: number) => string;
  /** The subprotocol; empty: none. */
  readonly protocol: string;
  /** What a client says first. */
  readonly opening: (client: number) => readonly string[];
  /** Whether the text between these is a change of a row: those are many, and are not parsed. */
  readonly isChange: (data: Buffer, begin: number, end: number) => boolean;
  /** Any other text: what has to be said to it, and whether the client now has what it came for. */
  readonly heard: (text: string) => { readonly answer?: string; readonly ready?: boolean };
}

const NOTHING = {};
const READY = { ready: true };

/** engine.io 4 and socket.io's own layer over it: `0` opens, `40` connects, `42[…]` is an event, `2` wants a `3` or one is dropped. */
const socketIo: Dialect = {
  path: () => '/socket.io/?EIO=4&transport=websocket',
  protocol: '',
  opening: () => [],
  isChange: (data, begin) => data[begin] === 0x34 && data[begin + 1] === 0x32,
  heard(text) {
    if (text.startsWith('0')) return { answer: '40' };
    if (text.startsWith('40')) return READY;
    if (text === '2') return { answer: '3' };
    throw new Error(`socket.io said ${text}`);
  },
};

const rowcast: Dialect = {
  path: () => '/',
  protocol: 'rowcast.1',
  opening: (client) => [
    `{"type":"hello","client":"peer-${client.toString().padStart(8, '0')}"}`,
    '{"type":"subscribe","id":1,"stream":"hot"}',
  ],
  isChange: (data, begin) => data[begin + 9] === 0x63, // {"type":"c…
  heard(text) {
    const { type, mark } = JSON.parse(text) as { readonly type: string; readonly mark?: number };
    if (type === 'error' || type === 'dropped' || type === 'reset') throw new Error(`Rowcast said ${text}`);
    if (type === 'ping' && mark !== undefined) return { answer: `{"type":"at","mark":${mark}}` };
    return type === 'ready' ? READY : NOTHING;
  },
};

/** Rows as bare text, as one sends them who needs nothing else. */
const bare: Dialect = {
  path: () => '/',
  protocol: '',
  opening: () => [],
  isChange: (data, begin) => data[begin + 2] === 0x69, // {"id":…
  heard: () => READY,
};

const HOT = { columns: { id: { type: 'number' }, value: { type: 'number' }, body: { type: 'string' } }, primaryKey: ['id'] };
const ASKING = {
  initConnectionMessage: [
    'initConnection',
    { desiredQueriesPatch: [{ op: 'put', hash: 'hot', name: 'hot', args: [] }], clientSchema: { tables: { hot: HOT } } },
  ],
};

/** Zero's sync protocol 51. A poke comes in parts, and the rows of the first are what a client came for. Each client is a browser of its own. */
const zero: Dialect = {
  path: (client) =>
    `/sync/v51/connect?clientID=c${client}&clientGroupID=g${client}&userID=u${client}&baseCookie=&ts=${Date.now()}&lmid=0&wsid=w${client}`,
  protocol: encodeURIComponent(btoa(JSON.stringify(ASKING))),
  opening: () => [],
  isChange(data, begin, end) {
    if (data[begin + 6] !== 0x50) return false; // ["pokeP…
    const part = data.subarray(begin, end);
    return part.includes('"rowsPatch"') && !part.includes('"gotQueriesPatch"');
  },
  heard(text) {
    if (text.startsWith('["error"')) throw new Error(`Zero said ${text}`);
    return text.includes('"gotQueriesPatch"') ? READY : NOTHING;
  },
};

export const DIALECTS = { rowcast, 'socket.io': socketIo, bare, zero };

export type DialectName = keyof typeof DIALECTS;
