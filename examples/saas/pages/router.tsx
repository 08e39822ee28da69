import { createContext, useContext, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent, type ReactNode } from 'react';

// As much of a router as three pages need. Yours goes in its place.

const Asked = createContext('/');

/** `path` is the one that the server was asked for: what it rendered and what the browser begins with are the same. */
export function Router({ path, children }: { readonly path: string; readonly children: ReactNode }) {
  return <Asked value={path}>{children}</Asked>;
}

export function usePath(): string {
  const asked = useContext(Asked);
  return useSyncExternalStore(
    subscribe,
    () => location.pathname,
    () => asked,
  );
}

function subscribe(changed: () => void): () => void {
  addEventListener('popstate', changed);
  return () => removeEventListener('popstate', changed);
}

export function Link({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { readonly href: string }) {
  const current = usePath() === href;
  const go = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return; // a tab or a window of its own
    event.preventDefault();
    history.pushState(null, '', href);
    dispatchEvent(new PopStateEvent('popstate'));
  };
  return <a {...rest} href={href} onClick={go} aria-current={current ? 'page' : undefined} />;
}
