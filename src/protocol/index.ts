export * from './answers.ts';
export * from './close.ts';
export * from './frames.ts';
export * from './parse.ts';
export * from './scan.ts';
export * from './values.ts';
