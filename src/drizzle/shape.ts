import type { Column } from '../core/index.ts';
import { driverType, plainType } from './driver.ts';
import type { DrizzleColumn } from './table.ts';

type Shape = Column['shape'];

/** What a row's value is in JavaScript, by the type the column promises; an array has the shape of its elements. */
export function shapeOf(column: DrizzleColumn): Shape {
  if (column.baseColumn) return shapeOf(column.baseColumn);
  if (column.dataType === 'custom') return customShape(column);
  // 0.45 says 'date', 1.0 says 'object date'.
  const [type = '', detail = ''] = column.dataType.split(' ');
  return SHAPES[type === 'object' ? detail : type] ?? 'json';
}

const SHAPES: Readonly<Record<string, Shape>> = {
  string: 'string',
  number: 'number',
  bigint: 'bigint',
  boolean: 'boolean',
  date: 'date',
  buffer: 'bytes',
};

/** A custom type that maps what it reads promises what only it knows; one that does not gives what the driver gives. */
function customShape(column: DrizzleColumn): Shape {
  if (column.config.customTypeParams?.fromDriver !== undefined) return 'json';
  const sqlType = column.getSQLType();
  return plainType(sqlType) === 'blob' ? 'bytes' : driverType(sqlType).shape;
}
