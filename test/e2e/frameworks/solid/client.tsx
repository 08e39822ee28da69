import { hydrate, render } from 'solid-js/web';
import { connect } from '../shared.ts';
import { Page } from './app.tsx';

const { snapshot } = window.given;
const root = document.getElementById('app') as HTMLElement;
const client = connect(snapshot);
(snapshot ? hydrate : render)(() => <Page client={client} />, root);
