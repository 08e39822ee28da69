import {
  groupName,
  keyText,
  rowOf,
  type HookContext,
  type Image,
  type Judgement,
  type Key,
  type MemberRole,
  type Row,
  type Stream,
} from '../../core/index.ts';
import type { Refused } from '../../protocol/index.ts';
import type { Asking, Then, Writer } from './asking.ts';
import { bounded, OutOfTime, type Together } from '../time/deadline.ts';
import { conflict } from './precondition.ts';
import type { Prepared } from './prepare.ts';
import { parameters } from '../bindings/values.ts';

interface Judged extends Asking, Prepared {
  /** Its place among several. */
  readonly at?: number;
  /** The time that it shares with the others. Left out: it is alone. */
  readonly together?: Together;
  readonly before: Image | null;
  after(then: Then): void;
}

/** On the row as it stands: may they, and what is to be written. At once, where the app says at once whether they may. */
export function judge(judged: Judged): Judgement | Promise<Judgement> {
  const { body, stream, writer, before, refusal } = judged;
  writer.tells(null);
  if (refusal) return { verdict: 'refuse', answer: refusal };
  if (body.action !== 'create' && !before) return { verdict: 'refuse', answer: ABSENT };
  const row = before ? rowOf(stream.table, before) : null;
  const pk = before ? (JSON.parse(keyText(stream.table, before)) as Key) : null; // as the row has it, not as the client spelt it
  const may = permitted(judged, row, pk);
  return may instanceof Promise ? may.then((yes) => decided(judged, yes, { row, pk })) : decided(judged, may, { row, pk });
}

function decided(judged: Judged, may: boolean, { row, pk }: { readonly row: Row | null; readonly pk: Key | null }): Judgement {
  const { body, stream, writer, parts, values, before, at, together } = judged;
  const { action } = body;
  const { options } = stream.binding;
  const absent: Judgement = { verdict: 'refuse', answer: ABSENT };
  if (!may) {
    // To one who does not see the row it is not there: `forbidden` would tell that it is.
    if (before && !seenBy(writer, stream, before)) return absent;
    return { verdict: 'refuse', answer: { ok: false, code: 'forbidden', message: `you may not ${action} this row` } };
  }
  if (body.if && before) {
    if (!seenBy(writer, stream, before)) return absent; // what it holds would be told by whether this is so
    const said = conflict(stream, body.if, before);
    if (said) {
      // The database is ahead of the log: that they may not see this any more may not be known yet.
      const told = (refused: Refused): Refused => ({ ...refused, ...(seenBy(writer, stream, before) ? said : ABSENT) });
      writer.tells((refused) => (refused.code === 'conflict' && refused.at === at ? told(refused) : refused));
      return { verdict: 'refuse', answer: CONFLICT };
    }
  }
  const hook = options[action] as ((context: HookContext<Row, Row, unknown, unknown>) => unknown) | undefined;
  if (hook) {
    const context = { pk, data: values, before: row, user: writer.user, after: judged.after };
    const run = (tx: unknown): unknown => {
      const made = hook.call(options, { ...context, tx });
      return together ? together.bounded(made) : bounded(parts.clock, parts.limits.hookMs, made);
    };
    return { verdict: 'hook', run };
  }
  if (action === 'delete') return { verdict: 'write', values: new Map() };
  return { verdict: 'write', values: parameters(stream.table, action, values) };
}

const ABSENT: Refused = { ok: false, code: 'not_found', message: 'there is no such row' };
/** All that is kept of it, for who asks again: what the row was is told once, by the rights of then. */
const CONFLICT: Refused = { ok: false, code: 'conflict', message: 'the row is not what "if" says; look at it and try again' };

function seenBy(writer: Writer, stream: Stream, row: Image): boolean {
  // `serialize` may say that the row is in no group at all.
  return (
    stream.groups(row).some((group) => writer.holds(stream, group)) && (!stream.binding.options.serialize || stream.text(row) !== null)
  );
}

/** Left out, a throw, and an answer that does not come in time are all a no. */
function permitted(judged: Judged, before: Row | null, pk: Key | null): boolean | Promise<boolean> {
  const { body, stream, writer, parts, values, together } = judged;
  const { hasPermission } = stream.binding.options;
  const failed = (error: unknown): false => {
    if (error instanceof OutOfTime) throw error;
    parts.log.error({ err: error, stream: stream.name }, 'hasPermission failed: refused');
    return false;
  };
  try {
    if (typeof hasPermission === 'object') return inRole(judged, hasPermission);
    const verdict = hasPermission?.call(stream.binding.options, writer.user, body.action, pk, { before, data: values }) ?? false;
    const said = together ? together.bounded(verdict) : bounded(parts.clock, parts.limits.hookMs, verdict);
    return said instanceof Promise ? said.then((yes) => yes === true, failed) : said === true;
  } catch (error) {
    return failed(error);
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
