import { flood, type Flood } from '../load/flood.ts';
import { inTurn, membersOf, roomsIn, type Layout } from '../load/rooms.ts';
import { answer } from '../process.ts';
import { textOf } from './reference-server.ts';
import { turn } from './turns.ts';

/** What a server of rooms does without any feature: it knows its members. */
export interface RoomServer {
  listen(): Promise<number>;
  /** One message, as text, to these clients. */
  tell(text: string, clients: readonly number[]): void;
  /** The turn is over. */
  flush?(): void;
}

export function serveRooms({ listen, tell, flush }: RoomServer): void {
  let members: readonly (readonly number[])[] = [];
  let next: Iterator<number, never> = inTurn(1);
  let value = 0;
  answer({
    listen: ({ layout }: { layout: Layout }) => {
      members = membersOf(layout);
      next = inTurn(roomsIn(layout));
      return listen();
    },
    async run({ ticks, each, bytes }: { ticks: number; each: number; bytes: number }) {
      let deliveries = 0;
      for (let tick = 0; tick < ticks; tick++) {
        for (let n = 0; n < each; n++) {
          const clients = members[next.next().value] as readonly number[];
          tell(textOf(++value, bytes), clients);
          deliveries += clients.length;
        }
        flush?.();
        await turn();
      }
      return deliveries;
    },
    flood: (how: Flood) =>
      flood(how, (room, bytes) => {
        tell(textOf(++value, bytes), members[room] as readonly number[]);
        flush?.();
      }),
  });
}
