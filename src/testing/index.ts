export * from './bus-suite.ts';
export * from './fixture.ts';
export * from './ledger-suite.ts';
export * from './plain-model.ts';
export * from './runner.ts';
export * from './seen.ts';
export * from './source-suite.ts';
export * from './store-suite.ts';
