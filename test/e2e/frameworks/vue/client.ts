import { createApp, createSSRApp } from 'vue';
import { connect } from '../shared.ts';
import Page from './Page.vue';

const { snapshot } = window.given;
const props = { client: connect(snapshot) };
(snapshot ? createSSRApp(Page, props) : createApp(Page, props)).mount('#app');
