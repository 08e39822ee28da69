import { describe, expect, test } from 'vitest';
import { at, held, type Held } from '../../test/support/held-client.ts';
import { STREAMS } from '../../test/support/scripted-client.ts';

/** A snapshot that waits for the rows of a view. */
function asked(): Held & { readonly snapshot: Promise<unknown> } {
  const made = held();
  const snapshot = made.client.snapshot([['posts', { blogId: 7 }]]);
  made.clock.pass();
  made.socket.welcome(STREAMS);
  return Object.create(made, { snapshot: { value: snapshot } }) as ReturnType<typeof asked>;
}

describe('a snapshot', () => {
  test('is the rows of its views, once all of them are there, and lets go of them', async () => {
    const made = asked();
    made.socket.say({ type: 'subscribed', id: 1, view: 12 });
    made.socket.say({ type: 'rows', view: 12, rows: [[1, { title: 'one' }]], count: 1, total: 1 });
    made.socket.say({ type: 'ready', view: 12, position: at(5), token: 't' });
    const { writable, key, fields } = STREAMS['posts'] as NonNullable<(typeof STREAMS)[string]>;
    expect(await made.snapshot).toEqual({
      user: null,
      views: [
        {
          stream: 'posts',
          params: { blogId: 7 },
          info: { writable, key, fields },
          rows: [[1, { title: 'one' }]],
          position: at(5),
          token: 't',
        },
      ],
    });
    expect(made.socket.sent().at(-1)).toEqual({ type: 'unsubscribe', view: 12 });
  });

  test('of a view that is refused rejects, and says why', async () => {
    const made = asked();
    made.socket.say({ type: 'error', id: 1, code: 'forbidden', message: 'you may not' });
    await expect(made.snapshot).rejects.toThrow('you may not');
  });

  test.each([
    ['closed', (made: Held): void => made.client.close()],
    ['signed-out', (made: Held): void => void made.client.signOut()],
    ['failed', (made: Held): void => made.socket.end(4000)],
  ] as const)('that waits rejects when the client is %s, and so does the next one', async (status, end) => {
    const made = asked();
    end(made);
    await expect(made.snapshot).rejects.toThrow(`a client that is ${status}`);
    await expect(made.client.snapshot(['posts'])).rejects.toThrow(`a client that is ${status}`);
  });
});
