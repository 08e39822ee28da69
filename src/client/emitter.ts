/** Who hears which event, in the order they came. One that throws stops nobody: the error surfaces as any uncaught one. */
export class Emitter<Events> {
  #handlers: readonly { readonly event: keyof Events; handle(value: Events[keyof Events]): void }[] = [];

  on<E extends keyof Events>(event: E, handler: (value: Events[E]) => void): () => void {
    const entry = { event, handle: handler as (value: Events[keyof Events]) => void };
    this.#handlers = [...this.#handlers, entry];
    return () => void (this.#handlers = this.#handlers.filter((each) => each !== entry));
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const each of this.#handlers) {
      if (each.event !== event || !this.#handlers.includes(each)) continue; // who was taken out meanwhile is told no more
      try {
        each.handle(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Whether anybody would hear it. */
  hears(event: keyof Events): boolean {
    return this.#handlers.some((each) => each.event === event);
  }

  /** Nobody is told anything any more. */
  clear(): void {
    this.#handlers = [];
  }
}
