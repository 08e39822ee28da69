import { randomUUID } from 'node:crypto';
import { consumer } from 'rowcast';
import { ROOMS, type Person, type Room, type User } from './shared.ts';

// Of this process: with several, each would tell its own, and the page would put them together.
const here = new Map<string, Person>();
const everybody = () => [...here.values()].map(({ name, typing }) => ({ name, typing }));

const isRoom = (content: unknown): content is Room => ROOMS.some((room) => room === content);

/** Tells everybody who is here, whenever that changes. A page sends the room it types in, or null. */
export const presence = consumer<User>({
  connect({ user, state, groups }) {
    const seat = (state['seat'] = randomUUID());
    here.set(seat, { name: user.name, typing: null });
    groups.add('chat');
    groups.send('chat', everybody());
  },
  receive(content, { user, state, groups }) {
    here.set(String(state['seat']), { name: user.name, typing: isRoom(content) ? content : null });
    groups.send('chat', everybody());
  },
  disconnect({ state, groups }) {
    here.delete(String(state['seat']));
    groups.send('chat', everybody());
  },
});
