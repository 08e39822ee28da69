import type { Live } from 'rowcast';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

/** So many rooms, of so many rows each. */
export const ROOMS = 1_000;
export const EACH = 100;

/** Serves the rooms of a table `post`. */
export function serveRooms(live: Live, close: () => Promise<void>): void {
  const { listen, empty } = serving(live, []);
  answer({
    listen,
    empty,
    close: async () => {
      await live.close();
      await close();
    },
  });
}
