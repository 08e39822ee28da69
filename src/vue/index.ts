export { createHooks, type DraftRefs, type Hooks, type Refs } from './hooks.ts';
