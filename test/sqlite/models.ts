import type { Model } from '../../src/core/index.ts';
import { plainModel, type PlainColumn } from '../../src/testing/plain-model.ts';

/** A model in short: `model('t', 'id integer, name text', 'id')`. */
export function model(table: string, columns: string, ...key: readonly string[]): Model {
  const parsed = columns.split(',').map((text): [string, PlainColumn] => {
    const [name = '', sqlType = ''] = text.trim().split(' ');
    return [name, { sqlType, shape: SHAPES[sqlType] ?? 'string' }];
  });
  return plainModel({ dialect: 'sqlite', table, key, columns: Object.fromEntries(parsed) }) as unknown as Model;
}

const SHAPES: Readonly<Record<string, PlainColumn['shape']>> = { integer: 'number', real: 'number', blob: 'bytes', text: 'string' };
