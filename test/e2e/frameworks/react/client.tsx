import { createRoot, hydrateRoot } from 'react-dom/client';
import { connect } from '../shared.ts';
import { Page } from './app.tsx';

const { snapshot, suspense } = window.given;
const root = document.getElementById('app') as HTMLElement;
const page = <Page client={connect(snapshot)} suspense={suspense} />;
if (snapshot) hydrateRoot(root, page);
else createRoot(root).render(page);
