import { createSSRApp } from 'vue';
import { renderToString } from 'vue/server-renderer';
import type { Kept } from '../../../../src/client/index.ts';
import { connect } from '../shared.ts';
import Page from './Page.vue';

export const render = (snapshot: Kept): Promise<string> => renderToString(createSSRApp(Page, { client: connect(snapshot) }));
