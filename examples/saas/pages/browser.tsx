import { StrictMode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { clientOf } from './live.ts';
import type { Page } from './server.tsx';
import './style.css';

const { path, me, kept } = JSON.parse(document.getElementById('page')?.textContent ?? '') as Page;

hydrateRoot(
  document.getElementById('root') as HTMLElement,
  <StrictMode>
    <App path={path} me={me} client={clientOf(kept)} />
  </StrictMode>,
);
