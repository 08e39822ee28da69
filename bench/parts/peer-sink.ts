import { DIALECTS, type DialectName } from '../load/dialects.ts';
import { PeerClient, valueOf } from '../load/peer-client.ts';
import { Sightings } from '../load/sightings.ts';
import { answer } from '../process.ts';

// Many clients of one server, whichever it is, in one process: what they cost is the same for all of them.

const frames: number[] = [];
const newest: number[] = [];
let total = 0;
let sightings: Sightings | null = null;
let wanted: { readonly met: () => boolean; readonly resolve: () => void } | null = null;

function changed(client: number, data: Buffer, begin: number): void {
  total++;
  (frames[client] as number)++;
  if (sightings) {
    const value = valueOf(data, begin);
    newest[client] = value;
    sightings.see(client, value);
  }
  if (wanted?.met()) wanted.resolve();
}

function until(met: () => boolean): Promise<void> {
  if (met()) return Promise.resolve();
  return new Promise((resolve) => (wanted = { met, resolve }));
}

function forget(): void {
  total = 0;
  wanted = null;
  frames.fill(0);
}

answer({
  /** Resolves when all are there and have what they came for. */
  async open({ port, dialect, sockets }: { port: number; dialect: DialectName; sockets: number }) {
    let next = frames.length;
    const end = next + sockets;
    const one = async (): Promise<void> => {
      while (next < end) {
        const at = next++;
        frames[at] = newest[at] = 0;
        await new PeerClient(DIALECTS[dialect], (data, begin) => changed(at, data, begin)).open(port, at);
      }
    };
    await Promise.all(Array.from({ length: Math.min(100, sockets) }, one));
    forget();
  },
  /** Resolves once every client has had this many changes since the last call; throws when some had more than others. */
  async frames({ each }: { each: number }) {
    await until(() => total >= each * frames.length);
    const odd = frames.find((had) => had !== each);
    if (odd !== undefined) throw new Error(`a client had ${odd} changes, not ${each}`);
    forget();
  },
  /** Resolves once all clients together have had this many changes since the last call; throws when it is more. */
  async total({ commits }: { commits: number }) {
    await until(() => total >= commits);
    if (total > commits) throw new Error(`${total} changes came, not ${commits}`);
    forget();
  },
  /** From here on it is noted who sees which of these values when. */
  watch({ first, writes }: { first: number; writes: number }) {
    forget();
    sightings = new Sightings(frames.length, { first, writes });
  },
  /** Resolves once everybody has seen this value last. */
  newest: ({ value }: { value: number }) => until(() => newest.every((each) => each === value)),
  sight: ({ sent }: { sent: readonly number[] }) => sightings?.sight(sent),
});
