import { randomUUID } from 'node:crypto';
import { consumer } from 'rowcast';
import { z } from 'zod';
import { COLUMNS, type Person } from './columns.ts';

export interface User {
  readonly name: string;
}

const Cell = z.object({ id: z.number(), field: z.enum(COLUMNS.map(({ field }) => field)) }).nullable();

// Of this process: with several, each would tell its own, and the page would put them together.
const here = new Map<string, Person>();
const everybody = () => [...here.values()].map(({ seat, name, cell }) => ({ seat, name, cell: cell && { ...cell } }));

/** Tells everybody who is in which cell, whenever that changes. A page is told its own seat first, and sends the cell it is in, or null. */
export const cursors = consumer<User>({
  connect({ user, state, groups, reply }) {
    const seat = (state['seat'] = randomUUID());
    here.set(seat, { seat, name: user.name, cell: null });
    groups.add('cursors');
    reply({ seat });
    groups.send('cursors', { people: everybody() });
  },
  receive(content, { user, state, groups }) {
    const seat = String(state['seat']);
    here.set(seat, { seat, name: user.name, cell: Cell.safeParse(content).data ?? null });
    groups.send('cursors', { people: everybody() });
  },
  disconnect({ state, groups }) {
    here.delete(String(state['seat']));
    groups.send('cursors', { people: everybody() });
  },
});
