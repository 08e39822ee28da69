export { createHooks, type Accessors, type DraftAccessors, type Given, type Hooks } from './hooks.ts';
