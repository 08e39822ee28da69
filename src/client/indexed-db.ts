import type { ClientStorage } from './storage.ts';

// The part of IndexedDB that is used: not every program that is compiled with this has the DOM's types.
interface Request<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}
interface Opening extends Request<Idb> {
  onupgradeneeded: (() => void) | null;
}
interface Idb {
  createObjectStore(name: string): unknown;
  transaction(stores: string, mode: 'readonly' | 'readwrite'): Transaction;
  onversionchange: (() => void) | null;
  onclose: (() => void) | null;
  close(): void;
}
interface Transaction {
  readonly error: unknown;
  objectStore(name: string): Store;
  commit(): void;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
}
interface Store {
  getAll(range: unknown): Request<readonly unknown[]>;
  put(value: unknown, key: string): Request<unknown>;
  delete(range: unknown): Request<unknown>;
}
interface Browser {
  readonly indexedDB?: { open(name: string, version: number): Opening };
  readonly IDBKeyRange?: { bound(from: string, to: string): unknown };
}

const STORE = 'kept';

/**
 * A browser's own database. One for all clients of a page's origin: what each of them keeps is told apart by its name.
 *
 * @param name of the database. Default: `rowcast`.
 * @example
 * ```ts
 * const client = createClient<typeof app>('/binding/', { keep: { in: indexedDb(), user: session.userId, rows: ['posts'] } })
 * ```
 */
export function indexedDb(name = 'rowcast'): ClientStorage {
  const { indexedDB, IDBKeyRange } = globalThis as Browser;
  let opened: Promise<Idb> | undefined;
  const open = (): Promise<Idb> => {
    if (!indexedDB) return Promise.reject(new Error('there is no IndexedDB here'));
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    return new Promise((resolve, reject) => {
      opening.onerror = () => reject(failed(opening.error));
      opening.onsuccess = () => {
        const db = opening.result;
        db.onclose = () => (opened = undefined);
        // Another page wants to delete or to upgrade it, which waits for this one.
        db.onversionchange = () => {
          opened = undefined;
          db.close();
        };
        resolve(db);
      };
    });
  };
  const run = async <T>(mode: 'readonly' | 'readwrite', act: (store: Store) => Request<T>): Promise<T> => {
    const transaction = (await (opened ??= open())).transaction(STORE, mode);
    const request = act(transaction.objectStore(STORE));
    // At once: else it waits for this page, which may end before, and so does what is asked after it.
    transaction.commit();
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(failed(transaction.error));
    });
  };
  const from = (prefix: string): unknown => IDBKeyRange?.bound(prefix, `${prefix}\uffff`);
  return {
    all: (prefix) => run('readonly', (store) => store.getAll(from(prefix))),
    set: (key, value) => run('readwrite', (store) => store.put(value, key)).then(() => undefined),
    delete: (prefix) => run('readwrite', (store) => store.delete(from(prefix))).then(() => undefined),
  };
}

function failed(why: unknown): Error {
  return why instanceof Error ? why : new Error('IndexedDB failed');
}
