import { createHash } from 'node:crypto';
import {
  ColumnGroup,
  groupName,
  groupValue,
  keyFromWire,
  keyText,
  RowcastError,
  rowOf,
  ValueError,
  type Answer,
  type Clock,
  type HookContext,
  type Image,
  type Judgement,
  type Key,
  type LogValue,
  type Log,
  type MemberRole,
  type Receipt,
  type Row,
  type Store,
  type Stream,
} from '../core/index.ts';
import type { Params, Refused, WriteFrame } from '../protocol/index.ts';
import { within } from './deadline.ts';
import { fromWire, invalid, missing, parameters, unknownFields, validated, valueOf, type Checked, type Values } from './values.ts';

/** Who writes, and from where. */
export interface Writer {
  readonly user: unknown;
  readonly principal: string;
  readonly receipt: Receipt;
  /** Does the connection hold this group, or may it? */
  holds(group: string): boolean;
  /** The groups of the stream that are the writer's in one of these roles. */
  held(stream: Stream, role: MemberRole): ReadonlySet<string>;
}

export interface InboundParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly hookMs: number;
}

type Outcome = { readonly answer: Answer; readonly logged: boolean };

/**
 * One write of a client, from frame to answer: refused here where no database is needed, else judged by the store on the row as it stands.
 * Resolves for every outcome a client can be told; a failure of ours is `internal`, with the details in the log only.
 * @throws {RowcastError} `outcome_unknown` when nobody can tell what became of it, or of an earlier try: it has to be asked for again.
 */
export async function inbound(frame: WriteFrame, stream: Stream, writer: Writer, parts: InboundParts): Promise<Outcome> {
  try {
    const prepared = await prepare(frame, stream, writer, parts);
    if ('refused' in prepared) return { answer: prepared.refused, logged: false };
    const afters: (() => void | Promise<void>)[] = [];
    const outcome = await parts.store.write({
      table: stream.table,
      action: frame.action,
      key: prepared.key,
      claim: { principal: writer.principal, receipt: writer.receipt, hash: hashOf(frame) },
      named: stream.named,
      judge: async (before) => {
        afters.length = 0; // judged again: what an earlier try wanted done is not done
        if (prepared.foreign) return { verdict: 'refuse', answer: prepared.foreign };
        return judge({ frame, stream, writer, parts, values: prepared.values, before, after: (then) => afters.push(then) });
      },
    });
    if (outcome.answer.ok) runAfters(afters, parts.log);
    return outcome;
  } catch (error) {
    parts.log.error({ err: error, stream: stream.name, action: frame.action }, 'a write failed');
    if (error instanceof RowcastError && error.code === 'outcome_unknown') throw error;
    return failed(frame, stream, { writer, store: parts.store });
  }
}

/**
 * This try wrote nothing. An earlier one, on a connection that was lost, may have, or may be about to: where it has, its answer is this one's;
 * where it has not, it will not any more.
 */
async function failed(frame: WriteFrame, { table }: Stream, { writer, store }: Trying): Promise<Outcome> {
  const answer: Answer = { ok: false, code: 'internal', message: 'the write failed; nothing was written' };
  const claim = { principal: writer.principal, receipt: writer.receipt, hash: hashOf(frame) };
  try {
    return await store.write({ table, action: 'create', key: null, claim, judge: () => ({ verdict: 'refuse', answer }) });
  } catch (error) {
    throw new RowcastError('outcome_unknown', 'the database went away while a write was under way', { cause: error });
  }
}

interface Trying extends Pick<InboundParts, 'store'> {
  readonly writer: Writer;
}

interface Prepared {
  readonly key: readonly LogValue[] | null;
  readonly values: Values;
  /**
   * The view is not the writer's to write into. That is no law of nature: it may have been when the same write was asked for before, and an
   * answer that was given then is the one that is given now.
   */
  readonly foreign?: Refused;
}

/** Everything that can be said without looking at the row. */
async function prepare(
  frame: WriteFrame,
  stream: Stream,
  writer: Writer,
  parts: InboundParts,
): Promise<Prepared | { readonly refused: Refused }> {
  const { options } = stream.binding;
  const { table } = stream;
  if (!options.hasPermission) return refuse('read_only', `"${stream.name}" takes no writes`);
  let key: readonly LogValue[] | null = null;
  if (frame.action !== 'create') {
    try {
      key = keyFromWire(table, frame.pk ?? null);
    } catch (error) {
      if (error instanceof ValueError) return { refused: invalid({ pk: error.message }) };
      throw error;
    }
  }
  if (frame.action === 'delete') return { key, values: {} };
  const data = options.deserialize
    ? (options.deserialize(frame.data ?? {}, frame.action) as NonNullable<WriteFrame['data']>)
    : (frame.data ?? {});
  const foreign = unknownFields(stream, data);
  if (foreign) return { refused: foreign };
  const typed = fromWire(table, data);
  if (!typed.ok) return typed;
  if (frame.action === 'update' && Object.keys(typed.values).length === 0) return refuse('invalid', 'an update names at least one field');
  const stamped = options.stamp ? await within(parts.clock, parts.hookMs, options.stamp(writer.user, frame.action)) : {};
  const params = frame.action === 'create' ? placed(stream, frame.params, { writer, values: { ...typed.values, ...stamped } }) : NOWHERE;
  if (!params.ok) return params.refused.code === 'forbidden' ? { key, values: {}, foreign: params.refused } : params;
  const fixed = { ...params.values, ...stamped };
  const checked = await within(
    parts.clock,
    parts.hookMs,
    validated(options.validate?.[frame.action], table, { ...typed.values, ...fixed }),
  );
  if (!checked.ok) return checked;
  const values = { ...checked.values, ...fixed }; // a validator may drop what it does not know; what the server sets stays
  if (frame.action === 'create' && !options.create) {
    const lacks = missing(table, values);
    if (lacks) return { refused: lacks };
  }
  return { key, values };
}

const refuse = (code: Refused['code'], message: string): { readonly refused: Refused } => ({ refused: { ok: false, code, message } });

const NOWHERE = { ok: true, values: {} } as const;

/**
 * A created row takes its `groupBy` columns from the view it was made in, and from nowhere else: a group the writer holds, or one it may not
 * write into. Only a stamp, a hook or a `writable` column may place a row without a view.
 */
function placed(stream: Stream, params: Params | undefined, { writer, values }: { writer: Writer; values: Values }): Checked {
  const { binding, table } = stream;
  const { groupBy, options } = binding;
  if (!params || Object.keys(params).length === 0) {
    const open = groupBy?.find((column) => !(column in values) && !binding.writable.includes(column)) ?? null;
    if (open === null || options.create) return NOWHERE;
    return { ok: false, refused: invalid({ params: `must say the ${groupBy?.join(', ')} the row belongs to: write in a view of it` }) };
  }
  const group = groupOf({ binding, table }, params);
  if (group === null || !groupBy)
    return { ok: false, refused: invalid({ params: `are ${groupBy ? groupBy.join(', ') : 'none'} for this stream` }) };
  if (!writer.holds(group.name))
    return { ok: false, refused: { ok: false, code: 'forbidden', message: 'these params are not yours to write into' } };
  const other = groupBy.find((column) => column in values && groupValue(values[column]) !== groupValue(group.values[column]));
  if (other !== undefined) return { ok: false, refused: invalid({ [other]: 'is another than the params say' }) };
  return { ok: true, values: group.values };
}

/** The group that params name, and the columns' values; null when they are not exactly the stream's. */
export function groupOf(
  { binding, table }: Pick<Stream, 'binding' | 'table'>,
  params: Params,
): { readonly name: string; readonly values: Values; readonly group: ColumnGroup } | null {
  const columns = binding.groupBy;
  if (!columns || Object.keys(params).length !== columns.length) return null;
  const values: Values = {};
  for (const column of columns) {
    const json = params[column];
    if (json === undefined || json === null) return null;
    try {
      const place = table.columns.findIndex(({ name }) => name === column);
      values[column] = valueOf(table, place, json);
    } catch (error) {
      if (error instanceof ValueError) return null;
      throw error;
    }
  }
  const named = columns.map((column) => values[column]);
  const name = groupName(binding.audience, columns, named);
  return name === null ? null : { name, values, group: new ColumnGroup(name, binding.audience, named) };
}

interface Judged {
  readonly frame: WriteFrame;
  readonly stream: Stream;
  readonly writer: Writer;
  readonly parts: InboundParts;
  readonly values: Values;
  readonly before: Image | null;
  after(then: () => void | Promise<void>): void;
}

/** On the row as it stands: may they, and what is to be written. */
async function judge(judged: Judged): Promise<Judgement> {
  const { frame, stream, writer, values, before } = judged;
  const { options } = stream.binding;
  const { table } = stream;
  const absent: Judgement = { verdict: 'refuse', answer: { ok: false, code: 'not_found', message: 'there is no such row' } };
  if (frame.action !== 'create' && !before) return absent;
  const row = before ? rowOf(table, before) : null;
  const pk = before ? (JSON.parse(keyText(table, before)) as Key) : null; // as the row has it, not as the client spelt it
  if (!(await permitted(judged, row, pk))) {
    // To one who does not see the row it is not there: `forbidden` would tell that it is.
    if (before && !seenBy(writer, stream, before)) return absent;
    return { verdict: 'refuse', answer: { ok: false, code: 'forbidden', message: `you may not ${frame.action} this row` } };
  }
  const hook = options[frame.action] as ((context: HookContext<Row, Row, unknown, unknown>) => unknown) | undefined;
  if (hook) {
    const context = { pk, data: values, before: row, user: writer.user, after: judged.after };
    return { verdict: 'hook', run: (tx) => hook.call(options, { ...context, tx }) };
  }
  if (frame.action === 'delete') return { verdict: 'write', values: new Map() };
  return { verdict: 'write', values: parameters(table, frame.action, values) };
}

function seenBy(writer: Writer, stream: Stream, row: Image): boolean {
  // `serialize` may say that the row is in no group at all.
  return stream.groups(row).some((group) => writer.holds(group)) && (!stream.binding.options.serialize || stream.text(row) !== null);
}

/** Left out, a throw, and an answer that does not come in time are all a no. */
async function permitted(judged: Judged, before: Row | null, pk: Key | null): Promise<boolean> {
  const { frame, stream, writer, parts, values } = judged;
  const { hasPermission } = stream.binding.options;
  try {
    if (typeof hasPermission === 'object') return inRole(judged, hasPermission);
    const verdict = hasPermission?.call(stream.binding.options, writer.user, frame.action, pk, { before, data: values }) ?? false;
    return (await within(parts.clock, parts.hookMs, verdict)) === true;
  } catch (error) {
    parts.log.error({ err: error, stream: stream.name }, 'hasPermission failed: refused');
    return false;
  }
}

/** In the role for what the row belongs to, and for what it is to belong to. */
function inRole({ stream, writer, values, before }: Judged, role: MemberRole): boolean {
  const { groupBy, audience } = stream.binding;
  const held = writer.held(stream, role);
  const [had = null] = before ? stream.groups(before) : [];
  if (before && (had === null || !held.has(had))) return false;
  if (!groupBy?.some((column) => column in values)) return before !== null;
  const row = before ? rowOf(stream.table, before) : {};
  const has = groupName(
    audience,
    groupBy,
    groupBy.map((column) => (column in values ? values[column] : row[column])),
  );
  return has !== null && held.has(has);
}

function runAfters(afters: readonly (() => void | Promise<void>)[], log: Log): void {
  for (const then of afters) {
    void Promise.resolve()
      .then(then)
      .catch((error: unknown) => log.error({ err: error }, 'an `after` function failed; the write itself is committed'));
  }
}

function hashOf({ stream, action, pk, data, params }: WriteFrame): string {
  const body = JSON.stringify([stream, action, canonical(pk), canonical(data), canonical(params)]);
  return createHash('sha256').update(body).digest('base64url');
}

/** The same body has the same digest, whatever the order of its keys. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const members = Object.entries(value).map(([key, member]): [string, unknown] => [key, canonical(member)]);
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}
