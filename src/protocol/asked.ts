import type { Asked, BatchFrame, CallFrame, Data, WriteBody, WriteFrame } from './frames.ts';
import { idOf, isClientName, isRecord, only, streamOf, wrong, type BadFrame, type Fields } from './fields.ts';

/** What is done once, and answered once. */
export type AskedFrame = WriteFrame | BatchFrame | CallFrame;

const BODY = ['stream', 'action', 'pk', 'data', 'params', 'if'];

export function writeOf(value: Fields): WriteFrame {
  only(value, ['type', 'id', 'client', ...BODY]);
  return { type: 'write', ...askedOf(value), ...bodyOf(value, (why) => wrong(value, why)) };
}

export function batchOf(value: Fields): BatchFrame {
  only(value, ['type', 'id', 'client', 'writes']);
  const asked = askedOf(value);
  const { writes } = value;
  if (!Array.isArray(writes) || writes.length === 0) throw wrong(value, '"writes" is an array of at least one write');
  const bodies = writes.map((body, at) => {
    const refuse = (why: string): BadFrame => wrong(value, `writes[${at}]: ${why}`);
    if (!isRecord(body)) throw refuse('a write is an object');
    const foreign = Object.keys(body).find((key) => !BODY.includes(key));
    if (foreign !== undefined) throw refuse(`"${foreign.slice(0, 40)}" is not a key of a write in a batch`);
    return bodyOf(body, refuse);
  });
  return { type: 'batch', ...asked, writes: bodies };
}

export function callOf(value: Fields): CallFrame {
  only(value, ['type', 'id', 'client', 'stream', 'input']);
  const asked = askedOf(value);
  if (value.input === undefined) throw wrong(value, '"input" is missing: where there is none, null');
  return { type: 'call', ...asked, stream: streamOf(value), input: value.input };
}

function askedOf(value: Fields): Asked {
  const id = idOf(value);
  const { client } = value;
  if (client === undefined) return { id };
  if (!isClientName(client)) throw wrong(value, '"client" is 8 to 64 letters, digits, _ or -');
  return { id, client };
}

function bodyOf(value: Fields, refuse: (why: string) => BadFrame): WriteBody {
  const { stream, action, pk, data, params, if: condition } = value;
  if (typeof stream !== 'string') throw refuse('"stream" is a string');
  if (action !== 'create' && action !== 'update' && action !== 'delete') throw refuse('"action" is one of create, update, delete');
  if (action === 'delete' ? data !== undefined : !isRecord(data))
    throw refuse(action === 'delete' ? 'delete takes no "data"' : `${action} takes "data", an object`);
  if (action === 'create' ? pk !== undefined : pk === undefined || pk === null)
    throw refuse(action === 'create' ? 'create takes no "pk": the row gets one' : `${action} takes "pk"`);
  if (params !== undefined && !isRecord(params)) throw refuse('"params" is an object');
  if (condition !== undefined && (action === 'create' || !isRecord(condition)))
    throw refuse(action === 'create' ? 'create takes no "if": there is no row yet' : '"if" is an object of fields');
  return {
    stream,
    action,
    ...(pk === undefined ? {} : { pk }),
    ...(data === undefined ? {} : { data: data as Data }),
    ...(params === undefined ? {} : { params }),
    ...(condition === undefined ? {} : { if: condition as Data }),
  };
}
