import { createHooks } from 'rowcast/react';
import type { DataOf, Streams } from 'rowcast/client';
import type { app } from '../server.ts';

export type App = typeof app;
export type Post = DataOf<Streams<App>['posts']>;

export const { LiveProvider, useClient, useStream, useRow, useDraft, useConnection } = createHooks<App>();
