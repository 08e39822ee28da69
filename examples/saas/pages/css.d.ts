// Vite takes it from here.
declare module '*.css';
