import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeldClock, HeldSocket } from '../../test/support/held-client.ts';
import { Connection } from './connection.ts';
import { either } from './either.ts';
import type { SocketFactory } from './socket.ts';
import type { Status } from './types.ts';

/** What a page has, and Node has not. */
const page = { document: { hidden: false }, navigator: { onLine: true } };
let events: EventTarget;
let listeners = 0;

const before = new Map(
  ['addEventListener', 'document', 'navigator'].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]),
);

beforeEach(() => {
  events = new EventTarget();
  listeners = 0;
  page.document.hidden = false;
  page.navigator.onLine = true;
  const addEventListener = (type: string, heard: () => void, how: { readonly signal: AbortSignal }): void => {
    listeners++;
    how.signal.addEventListener('abort', () => listeners--);
    events.addEventListener(type, heard, how);
  };
  for (const [name, value] of Object.entries({ addEventListener, ...page }))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
});

afterEach(() => {
  for (const [name, descriptor] of before) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    else Reflect.deleteProperty(globalThis, name);
  }
});

interface Opened {
  readonly connection: Connection;
  readonly clock: HeldClock;
  readonly sockets: HeldSocket[];
  readonly statuses: Status[];
  readonly waits: number[];
}

function connect(factory?: (made: () => HeldSocket) => SocketFactory): Opened {
  const clock = new HeldClock();
  const sockets: HeldSocket[] = [];
  const statuses: Status[] = [];
  const waits: number[] = [];
  const made = (): HeldSocket => {
    const socket = new HeldSocket();
    sockets.push(socket);
    return socket;
  };
  const connection = new Connection({
    clock,
    socket: factory?.(made) ?? made,
    delay: (attempt) => waits.push(attempt) && 20_000,
    hello: '{"type":"hello","client":"of-the-test"}',
    frame: () => undefined,
    status: (status) => statuses.push(status),
  });
  connection.begin();
  return { connection, clock, sockets, statuses, waits };
}

const happens = (type: string): boolean => events.dispatchEvent(new Event(type));
const look = (hidden: boolean): void => {
  page.document.hidden = hidden;
  happens('visibilitychange');
};

describe('a connection that waits', () => {
  test.each(['online', 'visibilitychange'])('tries at once on %s, and waits for nothing that it had waited for', (type) => {
    const { connection, clock, sockets, statuses } = connect();
    sockets[0]?.end(1006);
    clock.pass(10);
    happens(type);
    expect([connection.status, sockets.length]).toEqual(['connecting', 2]);
    sockets[1]?.welcome();
    clock.pass(20_000);
    expect(sockets).toHaveLength(2);
    expect(statuses).toEqual(['waiting', 'connecting', 'open']);
  });

  test('is left waiting by a page that nobody looks at, but tries at once even there when the network is back', () => {
    const { sockets } = connect();
    sockets[0]?.end(1006);
    look(true);
    expect(sockets).toHaveLength(1);
    happens('online');
    expect(sockets).toHaveLength(2);
  });

  test('begins with short waits again where the network is back, and goes on with long ones where it was only looked at', () => {
    const { clock, sockets, waits } = connect();
    for (let round = 0; round < 3; round++) {
      sockets.at(-1)?.end(1006);
      clock.pass(20_000);
    }
    look(false);
    sockets.at(-1)?.end(1006);
    happens('online');
    sockets.at(-1)?.end(1006);
    expect(waits).toEqual([0, 1, 2, 3, 0]);
  });

  test('waits longest without a network, and yet tries again: a browser may be wrong', () => {
    const { connection, clock, sockets, waits } = connect();
    page.navigator.onLine = false;
    sockets[0]?.end(1006);
    expect(waits).toEqual([9]);
    clock.pass(20_000);
    expect([connection.status, sockets.length]).toEqual(['connecting', 2]);
    sockets[1]?.welcome();
    expect(connection.status).toBe('open');
  });
});

describe('an open connection', () => {
  test('that is overdue when the page is looked at again is replaced at once', () => {
    const { connection, clock, sockets, statuses } = connect();
    sockets[0]?.welcome(undefined, 20);
    clock.pass(30_001);
    look(false);
    expect([connection.status, sockets.length, sockets[0]?.closed]).toEqual(['connecting', 2, 1000]);
    sockets[1]?.welcome();
    clock.pass(20_000);
    expect(statuses).toEqual(['open', 'connecting', 'open']);
  });

  test.each(['online', 'visibilitychange'])('that is heard as it should be stays, whatever %s says', (type) => {
    const { connection, clock, sockets } = connect();
    sockets[0]?.welcome(undefined, 20);
    for (let beat = 0; beat < 5; beat++) {
      clock.pass(20_000);
      happens(type);
      sockets[0]?.say({ type: 'ping' });
    }
    expect([connection.status, sockets.length]).toEqual(['open', 1]);
  });

  test('is cut after two and a half heartbeats of silence, by a clock that is set back as well', () => {
    const { connection, clock, sockets } = connect();
    sockets[0]?.welcome(undefined, 20);
    const now = clock.now.bind(clock);
    let back = 0;
    clock.now = () => now() - back;
    clock.pass(40_000);
    back = 3_600_000;
    clock.pass(10_000);
    expect(connection.status).toBe('open');
    clock.pass(50_000);
    expect(connection.status).toBe('waiting');
  });
});

test.each<readonly [string, Status, (opened: Opened) => void]>([
  ['told not to come back', 'failed', ({ sockets }) => sockets[0]?.end(4000)],
  ['signed out', 'signed-out', ({ connection }) => connection.happen('signOut')],
  ['closed', 'closed', ({ connection }) => connection.happen('close')],
])('a connection that is %s stays so, whatever the page says', (_what, status, bring) => {
  const opened = connect();
  bring(opened);
  opened.clock.pass(3_600_000);
  happens('online');
  look(false);
  expect([opened.connection.status, opened.sockets.length]).toEqual([status, 1]);
});

test('a closed connection leaves nothing with the page', () => {
  const { connection } = connect();
  expect(listeners).toBe(2);
  connection.happen('close');
  expect(listeners).toBe(0);
});

test('tries without a network say nothing about WebSockets', () => {
  const order: string[] = [];
  const { clock, sockets } = connect((made) => {
    const noting = (name: string) => () => {
      order.push(name);
      return made();
    };
    return either(noting('first'), noting('second'));
  });
  page.navigator.onLine = false;
  for (let round = 0; round < 4; round++) {
    sockets.at(-1)?.end(1006);
    clock.pass(20_000);
  }
  page.navigator.onLine = true;
  for (let round = 0; round < 2; round++) {
    sockets.at(-1)?.end(1006);
    clock.pass(20_000);
  }
  expect(order).toEqual(['first', 'first', 'first', 'first', 'first', 'first', 'second']);
});

test('a socket that opens and swallows is as silent as one that never opens; a close code of a server is not', () => {
  const order: string[] = [];
  const { clock, sockets } = connect((made) => {
    const noting = (name: string) => () => {
      order.push(name);
      return made();
    };
    return either(noting('first'), noting('second'));
  });
  for (let round = 0; round < 2; round++) {
    sockets.at(-1)?.onopen?.();
    clock.pass(62_500 + 20_000); // the watch, and the wait
  }
  sockets.at(-1)?.end(4303);
  clock.pass(20_000);
  expect(order).toEqual(['first', 'first', 'second', 'second']);
});
