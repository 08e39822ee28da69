/**
 * Where a client keeps what is to outlive its page. Names are texts, values plain data (what JSON holds). What is asked takes effect in the order it
 * was asked, also for whoever opens the same storage next; one that fails rejects, and the client goes on without it.
 */
export interface ClientStorage {
  /** What stands under a name that begins so, in the order of the names. */
  all(prefix: string): Promise<readonly unknown[]>;
  set(name: string, value: unknown): Promise<void>;
  /** All whose names begin so. */
  delete(prefix: string): Promise<void>;
}

/** For as long as the object lasts: for tests, and for programs that keep it elsewhere themselves. */
export function memoryStorage(): ClientStorage {
  const held = new Map<string, string>();
  const names = (prefix: string): string[] => [...held.keys()].filter((name) => name.startsWith(prefix)).sort();
  return {
    all: async (prefix) => names(prefix).map((name) => JSON.parse(held.get(name) as string) as unknown),
    set: async (name, value) => void held.set(name, JSON.stringify(value)),
    delete: async (prefix) => names(prefix).forEach((name) => held.delete(name)),
  };
}
