export { createHooks, type Given, type Hooks, type Live } from './hooks.ts';
