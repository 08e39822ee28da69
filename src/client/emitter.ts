/** Handlers by event. One that throws stops nobody: the error surfaces as any uncaught one. */
export class Emitter<Events> {
  #handlers: { [E in keyof Events]?: readonly { handle(event: Events[E]): void }[] } = {};

  on<E extends keyof Events>(event: E, handler: (event: Events[E]) => void): () => void {
    const entry = { handle: handler };
    this.#handlers[event] = [...(this.#handlers[event] ?? []), entry];
    return () => void (this.#handlers[event] = this.#handlers[event]?.filter((each) => each !== entry));
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const { handle } of this.#handlers[event] ?? []) {
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
    return (this.#handlers[event]?.length ?? 0) > 0;
  }

  /** Nobody is told anything any more. */
  clear(): void {
    this.#handlers = {};
  }
}
