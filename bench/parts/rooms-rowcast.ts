import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { machineMs } from '../load/arrivals.ts';
import { flood, type Flood } from '../load/flood.ts';
import { inTurn, membersOf, roomsIn, roomsOf, type Layout } from '../load/rooms.ts';
import { answer } from '../process.ts';
import { served } from './serving.ts';
import { turn, written } from './turns.ts';

// Rows in rooms, and clients in rooms: each message a commit of its own, all features on.

interface User {
  readonly id: string;
  readonly rooms: readonly number[];
}

const items = sqliteTable('items', { id: integer().primaryKey(), room: integer(), body: text(), hidden: text() });
const binding = bindingFor<User>()(drizzle(items), { fields: ['id', 'room', 'body'], groupNames: groupBy('room') });
const live = await rowcast({ source: memory(), bindings: { items: binding } });
let layout: Layout = { kind: 'shared', clients: 0 };
let members: readonly (readonly number[])[] = [];
let next: Iterator<number, never> = inTurn(1);
let body = '';

interface Run {
  readonly ticks: number;
  readonly each: number;
  readonly bytes: number;
}

/** A row of the room, or of the next one, changes. Gives who is told. */
function change(bytes: number, room = next.next().value): number {
  const before = { id: room, room, body, hidden: 'x' };
  body = body.length === bytes ? 'b'.repeat(bytes) : 'a'.repeat(bytes);
  void live.publish(binding, [{ before, after: { ...before, body } }]);
  return (members[room] as readonly number[]).length;
}

/** A row goes from one room to another. */
function move(bytes: number): number {
  const [from, to] = [next.next().value, next.next().value];
  const before = { id: from, room: from, body: 'b'.repeat(bytes), hidden: 'x' };
  void live.publish(binding, [{ before, after: { ...before, room: to } }]);
  return new Set([...(members[from] as readonly number[]), ...(members[to] as readonly number[])]).size;
}

async function run({ ticks, each, bytes }: Run, one: (bytes: number) => number): Promise<number> {
  let deliveries = 0;
  for (let tick = 0; tick < ticks; tick++) {
    for (let n = 0; n < each; n++) deliveries += one(bytes);
    await written(layout.clients);
  }
  return deliveries;
}

answer({
  async listen({ layout: given }: { layout: Layout }) {
    layout = given;
    members = membersOf(given);
    next = inTurn(roomsIn(given));
    const rooms = roomsOf(given);
    live.endpoint('/', {
      authenticate: ({ url }) => {
        const id = new URL(url).searchParams.get('n') as string;
        return { id, rooms: rooms[Number(id)] as readonly number[] };
      },
      connectionGroups: (user) => user.rooms.map((room) => binding.group({ room })),
    });
    return served(live).listen();
  },
  /** `ticks` turns with `each` commits in every one. Gives the messages to sockets that they are. */
  run: (how: Run) => run(how, (bytes) => change(bytes)),
  moves: (how: Run) => run(how, move),
  flood: (how: Flood) => flood(how, (room, bytes) => void change(bytes, room)),
  /** One commit at a time, every so many ms. Gives when each was made. */
  async paced({ commits, bytes, pause }: { commits: number; bytes: number; pause: number }) {
    const at: number[] = [];
    for (let n = 0; n < commits; n++) {
      at.push(machineMs());
      change(bytes);
      await new Promise((resolve) => setTimeout(resolve, pause));
      await turn();
    }
    return at;
  },
});
