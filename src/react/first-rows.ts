import type { LiveStore, StreamStatus } from '../client/index.ts';

interface View {
  readonly status: StreamStatus;
}

const GRACE = 5000; // ms; from the first rows until the component that waited for them must have joined

// React forgets a component that suspends before it was shown: what it waits for is kept here.
const WAITS = new WeakMap<object, Map<string, Promise<void>>>();

/** There have been no rows yet, and there still may be. */
export function unread({ status }: View): boolean {
  return status === 'idle' || status === 'syncing';
}

/** Asks for a view before any component has it on the screen. Resolves once there is something to show. */
export function firstRows(client: object, { key, subscribe, getSnapshot }: LiveStore<View>): Promise<void> {
  const waits = WAITS.get(client) ?? new Map<string, Promise<void>>();
  WAITS.set(client, waits);
  const wait =
    waits.get(key) ??
    new Promise<void>((resolve) => {
      let done = false;
      const off = subscribe(() => {
        if (done || unread(getSnapshot())) return;
        done = true;
        resolve();
        setTimeout(() => {
          waits.delete(key);
          off();
        }, GRACE);
      });
    });
  waits.set(key, wait);
  return wait;
}
