import { build } from './server/bundle.ts';

await build('dist');
