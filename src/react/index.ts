export { createHooks, type Hooks, type StreamOptions } from './hooks.ts';
