/** Handlers by event. One that throws stops nobody: the error surfaces as any uncaught one. */
export class Emitter<Events> {
  #handlers: { [E in keyof Events]?: Set<{ handle(event: Events[E]): void }> } = {};

  on<E extends keyof Events>(event: E, handler: (event: Events[E]) => void): () => void {
    const handlers = (this.#handlers[event] ??= new Set());
    const entry = { handle: handler };
    handlers.add(entry);
    return () => void handlers.delete(entry);
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const { handle } of [...(this.#handlers[event] ?? [])]) {
      try {
        handle(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Whether anybody would hear it. */
  hears(event: keyof Events): boolean {
    return (this.#handlers[event]?.size ?? 0) > 0;
  }

  /** Nobody is told anything any more. */
  clear(): void {
    this.#handlers = {};
  }
}
