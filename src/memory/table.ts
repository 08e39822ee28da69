import type { Json, Kind } from '../core/index.ts';
import { revive, toWire, ValueError, type Bound, type LogValue, type Model, type Table, type TableColumn } from '../core/index.ts';

const KINDS = {
  boolean: 'bool',
  number: 'float',
  bigint: 'bigint',
  string: 'text',
  date: 'timestamptz',
  bytes: 'bytes',
  json: 'json',
} as const satisfies Record<string, Kind>;

/** A table whose log holds the code's own values: there is no database to have another opinion. */
export function memoryTable({ model }: Bound): Table {
  return {
    model: { ...model, fromLog: (_place, value) => value, toParam: (_place, value) => value },
    id: model.name,
    columns: model.columns.map((column): TableColumn => {
      const kind = KINDS[column.shape];
      return {
        ...column,
        kind: [kind, column.shape],
        nullable: !column.notNull,
        toWire: (value) => JSON.stringify(toWire(value) ?? null),
        fromWire: (value) => parse(value, kind, column.shape) as LogValue,
      };
    }),
    key: model.key.map((name) => model.columns.findIndex((column) => column.name === name)),
  };
}

const EXPECTED: Record<Model['columns'][number]['shape'], string> = {
  boolean: 'true or false',
  number: 'a number',
  bigint: 'a whole number, as a string',
  string: 'a string',
  date: 'a time, such as 2026-11-23T12:00:00Z',
  bytes: 'bytes as base64',
  json: 'a value',
};

function parse(value: Json, kind: Kind, shape: keyof typeof EXPECTED): unknown {
  if (value === null) return null;
  const wrong = (): ValueError => new ValueError(EXPECTED[shape]);
  const sent = shape === 'boolean' || shape === 'number' ? shape : 'string';
  if (shape !== 'json' && typeof value !== sent) throw wrong();
  try {
    const revived = revive(value, [kind, shape]);
    if (shape === 'date' && !(revived instanceof Date)) throw wrong();
    return revived;
  } catch {
    throw wrong();
  }
}
