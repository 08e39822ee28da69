import { RowcastError } from '../../core/index.ts';

/** How long a hook may use its `tx`: until it has settled. What it left running without an await would be in no transaction, or in another's. */
export class Lease {
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  get refusal(): RowcastError {
    return new RowcastError('hook_invalid', 'a hook used its `tx` after it was done; await every statement before the hook returns');
  }

  async during<T>(run: () => T | Promise<T>): Promise<T> {
    try {
      return await run();
    } finally {
      this.#ended = true;
    }
  }
}
