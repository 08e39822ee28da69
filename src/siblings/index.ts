export { siblings } from './siblings.ts';
