import type { Bus, GroupMessage } from '../core/index.ts';

/** A bus in this process: whoever listens hears at once. */
export function memoryBus(): Bus {
  const listeners = new Set<(message: GroupMessage) => void>();
  return {
    send(message) {
      for (const hear of listeners) hear(message);
      return Promise.resolve();
    },
    listen(hear) {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
}
