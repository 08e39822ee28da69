import type { Image, Stream } from '../../core/index.ts';
import { revive, toWire, type Data, type FieldKind, type Json, type Refused } from '../../protocol/index.ts';
import { canonical } from './canonical.ts';

/** A longer row is not told with the refusal: it is kept with the answer, in the database and in its log. */
const MOST_TOLD = 16_384;

/** Only what the client is told of a row can be what the client knows of it. */
export function unknownCondition({ binding }: Stream, condition: Data | undefined): Refused | null {
  const foreign = Object.keys(condition ?? {}).filter((field) => !binding.fields.includes(field));
  if (foreign.length === 0) return null;
  const fields = Object.fromEntries(foreign.map((field) => [field, 'is not a field of this stream']));
  return { ok: false, code: 'unknown_field', message: `"if" takes these: ${binding.fields.join(', ')}`, fields };
}

/** The row is another than the client takes it for: how it is. Null: it is not. The row is one that the client sees. */
export function conflict(stream: Stream, condition: Data, before: Image): Refused | null {
  const text = stream.text(before) ?? '{}';
  const row = JSON.parse(text) as Data;
  const kinds = kindsOf(stream);
  const others = Object.entries(condition).filter(([field, value]) => !alike(kinds.get(field), value, row[field] ?? null));
  if (others.length === 0) return null;
  const names = others.map(([field]) => field).join(', ');
  const message = `${names} ${others.length === 1 ? 'is' : 'are'} not what "if" says; look at the row and try again`;
  return { ok: false, code: 'conflict', message, ...(text.length <= MOST_TOLD && { row }) };
}

/** What a `serialize` makes of a field may be of any kind. */
function kindsOf({ binding, table }: Stream): ReadonlyMap<string, FieldKind> {
  return new Map(binding.options.serialize ? [] : table.columns.map(({ name, kind }) => [name, kind]));
}

/** The same, or the same to whoever has it as the model's value: a Date does not hold the microseconds that it came with. */
function alike(kind: FieldKind | undefined, given: Json, has: Json): boolean {
  if (canonical(given) === canonical(has)) return true;
  if (!kind) return false;
  try {
    return canonical(toWire(revive(given, kind))) === canonical(toWire(revive(has, kind)));
  } catch {
    return false; // no value of this kind
  }
}
