export * from './fixture.ts';
export * from './plain-model.ts';
export * from './runner.ts';
export * from './source-suite.ts';
export * from './store-suite.ts';
