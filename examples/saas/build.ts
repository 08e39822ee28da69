import { build } from './server/bundle.ts';

process.env['NODE_ENV'] = 'production'; // React and Vite both go by it
await build('dist');
