import { render as renderPage } from 'svelte/server';
import type { Kept } from '../../../../src/client/index.ts';
import { connect } from '../shared.ts';
import Page from './Page.svelte';

export const render = (snapshot: Kept): string => renderPage(Page, { props: { client: connect(snapshot) } }).body;
