import { renderToString } from 'react-dom/server';
import type { Kept } from '../../../../src/client/index.ts';
import { connect } from '../shared.ts';
import { Page } from './app.tsx';

export const render = (snapshot: Kept): string => renderToString(<Page client={connect(snapshot)} />);
