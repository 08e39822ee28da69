import { RowcastError } from '../core/index.ts';

/**
 * Makes a driver's objects work only while somebody says so. Guarded is every call, also of what a call gave: statements, iterators, and
 * functions that run a transaction.
 */
export class Gate {
  #open = false;
  #check: () => void = () => undefined;

  /** Open until the body returns. `check` is called before each use, and throws where it must not be used any more. */
  during<T>(body: () => T, check: () => void = () => undefined): T {
    this.#open = true;
    this.#check = check;
    try {
      return body();
    } finally {
      this.#open = false;
    }
  }

  guard<T extends object>(target: T): T {
    // A stand-in below the proxy: what a driver made read-only could not be guarded otherwise.
    const stand = typeof target === 'function' ? () => {} : (Object.create(Object.getPrototypeOf(target)) as object);
    const guarded: object = new Proxy(stand, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function' || name === 'constructor') return value;
        return (...args: unknown[]) => this.#pass(() => Reflect.apply(value, target, args), { target, guarded });
      },
      apply: (_, self, args) => this.#pass(() => Reflect.apply(target as () => unknown, self, args), { target, guarded }),
    });
    return guarded as T;
  }

  #pass(call: () => unknown, { target, guarded }: { readonly target: object; readonly guarded: object }): unknown {
    if (!this.#open) {
      const cure = 'call .run(), .all() or .get() and await nothing; move what waits into after()';
      throw new RowcastError('hook_invalid', `a hook used its tx after it had returned; hooks on SQLite are synchronous: ${cure}`);
    }
    this.#check();
    const made = call();
    if (made === target) return guarded;
    return isLive(made) ? this.guard(made) : made;
  }
}

/** Something that can still reach the database: a statement, an iterator, a function. Rows and results cannot. */
function isLive(value: unknown): value is object {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  const { run, next } = value as { run?: unknown; next?: unknown };
  return typeof run === 'function' || typeof next === 'function';
}
