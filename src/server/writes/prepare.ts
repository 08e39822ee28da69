import { keyFromWire, ValueError, type LogValue, type Stream } from '../../core/index.ts';
import type { Data, Refused, WriteBody } from '../../protocol/index.ts';
import type { Asking } from './asking.ts';
import { within } from '../time/deadline.ts';
import { placedBy } from '../bindings/params.ts';
import { unknownCondition } from './precondition.ts';
import { fromWire, invalid, missing, unknownFields, validated, type Values } from '../bindings/values.ts';

/** A write of which everything is known but the row. */
export interface Prepared {
  readonly body: WriteBody;
  readonly stream: Stream;
  readonly key: readonly LogValue[] | null;
  readonly values: Values;
  /**
   * The view is not the writer's to write into, or the app's schema does not have it. Neither is a law of nature: it may have been otherwise when
   * the same write was asked for before (of a name that is taken, by that very write), and an answer that was given then is the one that is given
   * now.
   */
  readonly refusal?: Refused;
}

export interface Unprepared {
  readonly refused: Refused;
}

/** Everything that can be said without looking at the row. */
export async function prepare(body: WriteBody, stream: Stream, { writer, parts }: Asking): Promise<Prepared | Unprepared> {
  const { clock, limits } = parts;
  const { options } = stream.binding;
  const { table } = stream;
  const { action } = body;
  if (!options.hasPermission) return refuse('read_only', `"${stream.name}" takes no writes`);
  let key: readonly LogValue[] | null = null;
  if (action !== 'create') {
    try {
      key = keyFromWire(table, body.pk ?? null);
    } catch (error) {
      if (error instanceof ValueError) return { refused: invalid({ pk: error.message }) };
      throw error;
    }
    const unknown = unknownCondition(stream, body.if);
    if (unknown) return { refused: unknown };
  }
  const made = (values: Values, refusal?: Refused): Prepared => ({ body, stream, key, values, ...(refusal && { refusal }) });
  if (action === 'delete') return made({});
  const data = options.deserialize ? (options.deserialize(body.data ?? {}, action) as Data) : (body.data ?? {});
  const unknown = unknownFields(stream, data);
  if (unknown) return { refused: unknown };
  const typed = fromWire(table, data);
  if (!typed.ok) return typed;
  if (action === 'update' && Object.keys(typed.values).length === 0) return refuse('invalid', 'an update names at least one field');
  const stamped = options.stamp ? await within(clock, limits.hookMs, options.stamp(writer.user, action)) : {};
  const params =
    action === 'create'
      ? await placedBy(stream, body.params, { values: { ...typed.values, ...stamped }, mayEnter: writer.mayEnter })
      : NOWHERE;
  if (!params.ok) return params.refused.code === 'forbidden' ? made({}, params.refused) : params;
  const fixed = { ...params.values, ...stamped };
  const checked = await within(clock, limits.hookMs, validated(options.validate?.[action], table, { ...typed.values, ...fixed }));
  if (!checked.ok) return made({}, checked.refused);
  const values = { ...checked.values, ...fixed }; // a validator may drop what it does not know; what the server sets stays
  if (action === 'create' && !options.create) {
    const lacks = missing(table, values);
    if (lacks) return { refused: lacks };
  }
  return made(values);
}

const refuse = (code: Refused['code'], message: string): Unprepared => ({ refused: { ok: false, code, message } });

const NOWHERE = { ok: true, values: {} } as const;
