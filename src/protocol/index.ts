export * from './answers.ts';
export type { AskedFrame } from './asked.ts';
export * from './close.ts';
export { BadFrame, isClientName, isId, isRecord } from './fields.ts';
export * from './frames.ts';
export * from './parse.ts';
export * from './scan.ts';
export * from './values.ts';
