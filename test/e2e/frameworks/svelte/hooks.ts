import { createHooks, type Hooks } from '../../../../src/svelte/index.ts';
import type { App } from '../../../support/board.ts';

const hooks: Hooks<App> = createHooks<App>();
export const { LiveProvider, useConnection, useDraft, useRow, useStream } = hooks;
