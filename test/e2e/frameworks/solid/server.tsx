import { generateHydrationScript, renderToString } from 'solid-js/web';
import type { Kept } from '../../../../src/client/index.ts';
import { connect } from '../shared.ts';
import { Page } from './app.tsx';

export const head: string = generateHydrationScript();
export const render = (snapshot: Kept): string => renderToString(() => <Page client={connect(snapshot)} />);
