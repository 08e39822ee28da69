import { createHooks, type Hooks } from '../../../../src/vue/index.ts';
import type { App } from '../../../support/board.ts';

const hooks: Hooks<App> = createHooks<App>();
export const { LiveProvider, useConnection, useDraft, useRow, useStream } = hooks;
