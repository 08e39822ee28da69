import { batchOf, callOf, writeOf } from './asked.ts';
import { BadFrame, about, idOf, isAsked, isClientName, isId, isRecord, only, paramsOf, streamOf, wrong, type Fields } from './fields.ts';
import type { ClientFrame, Position } from './frames.ts';
import { FrameError, parseJson, type TextLimits } from './scan.ts';
import type { Json } from './values.ts';

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
      if (!isClientName(value.client)) throw wrong(value, '"client" is 8 to 64 letters, digits, _ or -');
      return { type: 'hello', client: value.client };
    case 'subscribe':
      return subscribeOf(value);
    case 'unsubscribe':
      only(value, ['type', 'view']);
      if (!isId(value.view)) throw wrong(value, '"view" is the number that "subscribed" gave');
      return { type: 'unsubscribe', view: value.view };
    case 'write':
      return writeOf(value);
    case 'batch':
      return batchOf(value);
    case 'call':
      return callOf(value);
    case 'message':
      only(value, ['type', 'stream', 'payload']);
      if (value.payload === undefined) throw wrong(value, '"payload" is missing');
      return { type: 'message', stream: streamOf(value), payload: value.payload };
    case 'at':
      only(value, ['type', 'mark']);
      if (!isId(value.mark)) throw wrong(value, '"mark" is the number that "ping" gave');
      return { type: 'at', mark: value.mark };
    case 'refresh':
      only(value, ['type', 'id', 'token']);
      if (typeof value.token !== 'string') throw wrong(value, '"token" is a string');
      return { type: 'refresh', id: idOf(value), token: value.token };
    default:
      throw new BadFrame('"type" is one of hello, subscribe, unsubscribe, write, batch, call, message, at, refresh', about(value));
  }
}

/** What is asked once gets an answer: where the text cannot be parsed, its id, and in whose name it was asked, are read from the first keys. */
const HEAD = /^\{"type":"(write|batch|call|subscribe|refresh)","id":(\d{1,16})(?:,"client":"([\w-]{8,64})")?[,}]/;

function jsonOf(text: string, limits: TextLimits): Json {
  try {
    return parseJson(text, limits);
  } catch (error) {
    const head = HEAD.exec(text);
    if (!(error instanceof FrameError) || !head) throw error;
    throw new BadFrame(error.message, { id: Number(head[2]), write: isAsked(head[1]), client: head[3] }, error.code);
  }
}

function subscribeOf(value: Fields): ClientFrame {
  only(value, ['type', 'id', 'stream', 'params', 'at', 'token']);
  const { at, token } = value;
  if ((at === undefined) !== (token === undefined) || (token !== undefined && typeof token !== 'string')) {
    throw wrong(value, '"at" and "token", a string, go together');
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
  throw wrong(value, '"at" is a position: 16 of 0-9 and a-f');
}
