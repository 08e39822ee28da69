import { hydrate, mount } from 'svelte';
import { connect } from '../shared.ts';
import Page from './Page.svelte';

const { snapshot } = window.given;
const target = document.getElementById('app') as HTMLElement;
(snapshot ? hydrate : mount)(Page, { target, props: { client: connect(snapshot) } });
