// A door of one's own: Rowcast over plain TCP, one frame a line. See docs/doors.md.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Live, type Transport, type Visitor, type Wire } from '../../src/main/index.ts';

/** What a connection says first: `/binding/ token`. */
const GREETING = /^(\/\S*)(?: (\S+))?$/;

/** Serves the endpoints of `live` on a TCP port; `wire` says how frames are written. */
export function lines(live: Pick<Live, 'admit'>, wire: Wire<readonly string[]>): Server {
  return createServer((socket) => {
    socket.on('error', () => socket.destroy());
    serve(live, wire, socket).catch(() => socket.destroy());
  });
}

async function serve(live: Pick<Live, 'admit'>, wire: Wire<readonly string[]>, socket: Socket): Promise<void> {
  const input = createInterface({ input: socket });
  const [greeting] = (await once(input, 'line')) as [string];
  input.pause(); // what comes meanwhile waits
  const visitor = await greet(live, greeting);
  if (!visitor.ok) {
    socket.end(`${visitor.status} ${visitor.message}\n`);
    return;
  }
  const connection = visitor.connect({ wire, transport: transportOf(socket) });
  input.on('line', (line) => connection.receive(line));
  input.resume();
  await once(socket, 'close');
  await connection.closed();
}

/** The endpoint's own `authenticate` decides, as at every door: it is asked with a web Request that says what this door knows. */
function greet(live: Pick<Live, 'admit'>, greeting: string): Promise<Visitor> {
  const [, path = '/', token] = GREETING.exec(greeting) ?? [];
  return live.admit(new Request(`tcp://lines${path}`, token ? { headers: { authorization: `Bearer ${token}` } } : {}));
}

function transportOf(socket: Socket): Transport<readonly string[]> {
  return {
    write(texts) {
      const waiting = socket.writableLength;
      socket.write(texts.map((text) => `${text}\n`).join(''));
      return waiting;
    },
    waiting: () => socket.writableLength,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => void socket.end(`${code} ${reason}\n`),
  };
}
