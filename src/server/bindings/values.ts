import type { StandardSchemaV1 } from '@standard-schema/spec';
import { placeOf, ValueError, type Stream, type Table, type TableColumn, type Validator } from '../../core/index.ts';
import type { Data, Json, Refused } from '../../protocol/index.ts';

/** Values by field, as the app's code has them. */
export type Values = Record<string, unknown>;

export type Checked = { readonly ok: true; readonly values: Values } | { readonly ok: false; readonly refused: Refused };

type FieldErrors = Record<string, string>;

/** What a schema says against all of it together. */
const WHOLE = '*';

export const invalid = (fields: FieldErrors): Refused => ({
  ok: false,
  code: 'invalid',
  message: Object.entries(fields)
    .map(([field, why]) => (field === WHOLE ? why : `${field}: ${why}`))
    .join('; '),
  fields,
});

/** A field outside `writable` is refused, never dropped: a client that thinks it wrote something must hear that it did not. */
export function unknownFields({ binding }: Stream, data: Readonly<Record<string, unknown>>): Refused | null {
  const foreign = Object.keys(data).filter((field) => !binding.writable.includes(field));
  if (foreign.length === 0) return null;
  const fields = Object.fromEntries(foreign.map((field) => [field, 'is not a field you may write']));
  const placed = foreign.find((field) => binding.groupBy?.includes(field));
  const cure = placed === undefined ? '' : `; the ${placed} of a new row is that of the view it is created in: ask for one with params`;
  return { ok: false, code: 'unknown_field', message: `only these may be written: ${binding.writable.join(', ')}${cure}`, fields };
}

/** From the wire to what the ORM's `insert()` takes. */
export function fromWire(table: Table, data: Data): Checked {
  const values: Values = {};
  const errors: FieldErrors = {};
  for (const [field, json] of Object.entries(data)) {
    const place = placeOf(table, field);
    if (json === null && !table.columns[place]?.nullable) {
      errors[field] = 'is required';
      continue;
    }
    try {
      values[field] = valueOf(table, place, json);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      errors[field] = error.message;
    }
  }
  return Object.keys(errors).length > 0 ? { ok: false, refused: invalid(errors) } : { ok: true, values };
}

export function valueOf(table: Table, place: number, json: Json): unknown {
  const column = table.columns[place] as TableColumn;
  if (json === null) return null;
  return table.model.fromLog(place, column.fromWire(json));
}

/** Runs the app's validator. What it gives back counts: it may trim, default or coerce. Fields it adds that are no columns are dropped. */
export function validated(schema: Validator | undefined, table: Table, values: Values): Checked | Promise<Checked> {
  if (!schema) return { ok: true, values };
  const result = schema['~standard'].validate(values) as StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>;
  return 'then' in result ? Promise.resolve(result).then((given) => taken(given, table)) : taken(result, table);
}

function taken(result: StandardSchemaV1.Result<unknown>, table: Table): Checked {
  if (result.issues) return { ok: false, refused: invalid(fieldErrors(result.issues)) };
  const made = result.value as Values;
  const kept: Values = {};
  for (const { name } of table.columns) if (Object.hasOwn(made, name) && made[name] !== undefined) kept[name] = made[name];
  return { ok: true, values: kept };
}

/** The first of what a schema says against each field; `*`: against the whole. */
export function fieldErrors(issues: readonly StandardSchemaV1.Issue[]): FieldErrors {
  const errors: FieldErrors = {};
  for (const { path, message } of issues) {
    const [first] = path ?? [];
    const field = String(typeof first === 'object' ? first.key : (first ?? WHOLE));
    errors[field] ??= message;
  }
  return errors;
}

/** What the database would refuse for want of a value, said before it is asked. */
export function missing(table: Table, values: Values): Refused | null {
  const errors: FieldErrors = {};
  for (const { name, nullable, hasDefault, generated } of table.columns) {
    if (!nullable && !hasDefault && !generated && (!Object.hasOwn(values, name) || values[name] === null)) errors[name] = 'is required';
  }
  return Object.keys(errors).length > 0 ? invalid(errors) : null;
}

/** Ready for the driver, by place. What the ORM itself fills in (`$defaultFn`, `$onUpdate`) is filled in here. */
export function parameters(table: Table, action: 'create' | 'update', values: Values): ReadonlyMap<number, unknown> {
  const params = new Map<number, unknown>();
  for (const [place, column] of table.columns.entries()) {
    if (column.generated) continue;
    const value = Object.hasOwn(values, column.name) ? values[column.name] : table.model.fill(action, place);
    if (value !== undefined) params.set(place, value === null ? null : table.model.toParam(place, value));
  }
  return params;
}
