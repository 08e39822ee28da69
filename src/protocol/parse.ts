import type { Action, ClientFrame, Data, Params, Position } from './frames.ts';
import { FrameError, parseJson, type TextLimits } from './scan.ts';
import type { Json } from './values.ts';

/** What a frame that was refused still told: enough to answer it. */
export class BadFrame extends FrameError {
  readonly id: number | undefined;
  readonly write: boolean;
  constructor(
    message: string,
    about: { readonly id?: Json | undefined; readonly write?: boolean } = {},
    code: FrameError['code'] = 'bad_frame',
  ) {
    super(code, message);
    this.id = isId(about.id) ? about.id : undefined;
    this.write = about.write === true && this.id !== undefined;
  }
}

type Fields = { readonly [key: string]: Json };

const CLIENT = /^[A-Za-z0-9_-]{8,64}$/;
export const isClientName = (value: unknown): value is string => typeof value === 'string' && CLIENT.test(value);
export const isId = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
export const isRecord = (value: Json | undefined): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Parses one text frame of `rowcast.1` from a client. Inside, types are trusted; a key this version does not know is refused, so that a
 * misspelt one is never silently nothing.
 *
 * @throws {FrameError} with the cure in its message; {@link BadFrame} when it can be told which frame it was.
 */
export function parseClientFrame(text: string, limits: TextLimits): ClientFrame {
  const value = jsonOf(text, limits);
  if (!isRecord(value)) throw new BadFrame('a frame is a JSON object');
  switch (value.type) {
    case 'hello':
      only(value, ['type', 'client']);
      if (!isClientName(value.client)) throw new BadFrame('hello: "client" is 8 to 64 letters, digits, _ or -');
      return { type: 'hello', client: value.client };
    case 'subscribe':
      return subscribeOf(value);
    case 'unsubscribe':
      only(value, ['type', 'view']);
      if (!isId(value.view)) throw new BadFrame('unsubscribe: "view" is the number that "subscribed" gave');
      return { type: 'unsubscribe', view: value.view };
    case 'write':
      return writeOf(value);
    case 'message':
      only(value, ['type', 'stream', 'payload']);
      if (value.payload === undefined) throw new BadFrame('message: "payload" is missing');
      return { type: 'message', stream: streamOf(value), payload: value.payload };
    case 'at':
      only(value, ['type', 'mark']);
      if (!isId(value.mark)) throw new BadFrame('at: "mark" is the number that "ping" gave');
      return { type: 'at', mark: value.mark };
    case 'refresh':
      only(value, ['type', 'id', 'token']);
      if (typeof value.token !== 'string') throw new BadFrame('refresh: "token" is a string', about(value));
      return { type: 'refresh', id: idOf(value), token: value.token };
    default:
      throw new BadFrame('"type" is one of hello, subscribe, unsubscribe, write, message, at, refresh', { id: value.id });
  }
}

/** Every write gets an answer: where the text cannot be parsed, its id is read from the first keys. */
const HEAD = /^\{"type":"(write|subscribe|refresh)","id":(\d{1,16})[,}]/;

function jsonOf(text: string, limits: TextLimits): Json {
  try {
    return parseJson(text, limits);
  } catch (error) {
    const head = HEAD.exec(text);
    if (!(error instanceof FrameError) || !head) throw error;
    throw new BadFrame(error.message, { id: Number(head[2]), write: head[1] === 'write' }, error.code);
  }
}

function subscribeOf(value: Fields): ClientFrame {
  only(value, ['type', 'id', 'stream', 'params', 'at', 'token']);
  const { at, token } = value;
  if ((at === undefined) !== (token === undefined) || (token !== undefined && typeof token !== 'string')) {
    throw new BadFrame('subscribe: "at" and "token", a string, go together', about(value));
  }
  const params = paramsOf(value);
  return {
    type: 'subscribe',
    id: idOf(value),
    stream: streamOf(value),
    ...(params === undefined ? {} : { params }),
    ...(at === undefined ? {} : { at: positionOf(value), token: token as string }),
  };
}

const POSITION = /^[0-9a-f]{16}$/;

function positionOf(value: Fields): Position {
  const position = value.at;
  if (typeof position === 'string' && POSITION.test(position)) return position;
  throw new BadFrame('subscribe: "at" is a position: 16 of 0-9 and a-f', about(value));
}

function writeOf(value: Fields): ClientFrame {
  only(value, ['type', 'id', 'stream', 'action', 'pk', 'data', 'params']);
  const id = idOf(value);
  const stream = streamOf(value);
  const { action, pk } = value;
  if (action !== 'create' && action !== 'update' && action !== 'delete') {
    throw new BadFrame('write: "action" is one of create, update, delete', about(value));
  }
  const data = value.data;
  if (action === 'delete' ? data !== undefined : !isRecord(data)) {
    throw new BadFrame(action === 'delete' ? 'write: delete takes no "data"' : `write: ${action} takes "data", an object`, about(value));
  }
  if (action === 'create' ? pk !== undefined : pk === undefined || pk === null) {
    throw new BadFrame(action === 'create' ? 'write: create takes no "pk": the row gets one' : `write: ${action} takes "pk"`, about(value));
  }
  const params = paramsOf(value);
  return {
    type: 'write',
    id,
    stream,
    action: action satisfies Action,
    ...(pk === undefined ? {} : { pk }),
    ...(data === undefined ? {} : { data: data as Data }),
    ...(params === undefined ? {} : { params }),
  };
}

const about = (value: Fields): { id: Json | undefined; write: boolean } => ({ id: value.id, write: value.type === 'write' });

function only(value: Fields, keys: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new BadFrame(`${String(value.type)}: "${key.slice(0, 40)}" is not a key of this frame`, about(value));
  }
}

function idOf(value: Fields): number {
  if (!isId(value.id)) throw new BadFrame(`${String(value.type)}: "id" is a positive integer`);
  return value.id;
}

function streamOf(value: Fields): string {
  if (typeof value.stream !== 'string') throw new BadFrame(`${String(value.type)}: "stream" is a string`, about(value));
  return value.stream;
}

function paramsOf(value: Fields): Params | undefined {
  if (value.params === undefined) return undefined;
  if (!isRecord(value.params)) throw new BadFrame(`${String(value.type)}: "params" is an object`, about(value));
  return value.params;
}
