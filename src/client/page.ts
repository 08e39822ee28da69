/** The part of a page, or of a worker, that knows of the network and of who looks. Node has none of it. */
interface Page {
  readonly addEventListener?: (
    type: string,
    heard: (event: { readonly type: string }) => void,
    how: { readonly signal: AbortSignal },
  ) => void;
  readonly document?: { readonly hidden: boolean };
  readonly navigator?: { readonly onLine?: boolean };
}

const page = globalThis as Page;

/** Calls when the network is back, and when the page is looked at again (`online`: false), until the signal. */
export function onReturn(back: (online: boolean) => void, signal: AbortSignal): void {
  for (const event of ['online', 'visibilitychange'])
    page.addEventListener?.(event, ({ type }) => (type === 'online' || !page.document?.hidden) && back(type === 'online'), { signal });
}

/** Whether the browser says that there is no network. It may be wrong, either way. */
export const isOffline = (): boolean => page.navigator?.onLine === false;
