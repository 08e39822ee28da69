import { Asker, Frames, type Asked } from '../load/asker.ts';
import { answer } from '../process.ts';

// Clients in one process that write and count the answers: their cost must not be what is measured.

const askers: Asker[] = [];
let frames: readonly Frames[] = [];
let id = 0;
/** Rows that are written in turn: 1 to 1,000. */
const ROWS = 1_000;

answer({
  async open({ sockets, ...asked }: Asked & { readonly sockets: number }) {
    for (let made = 0; made < sockets; made++) askers.push(new Asker(asked, `asker-${made.toString().padStart(8, '0')}`));
    await Promise.all(askers.map((each) => each.open()));
  },
  /** Makes so many updates of one row each, for all sockets together. Gives how many there are. */
  make({ count }: { readonly count: number }) {
    const each = Math.ceil(count / askers.length);
    frames = askers.map(
      (_asker, at) =>
        new Frames(
          Array.from({ length: each }, (_frame, n) => {
            const write = ++id;
            const row = ((n * askers.length + at) % ROWS) + 1;
            return `{"type":"write","id":${write},"stream":"hot","action":"update","pk":${row},"data":{"value":${write}}}`;
          }),
        ),
    );
    return each * askers.length;
  },
  /** … messages that nobody answers. */
  talk({ count }: { readonly count: number }) {
    const each = Math.ceil(count / askers.length);
    frames = askers.map(
      () => new Frames(Array.from({ length: each }, () => `{"type":"message","stream":"chat","payload":{"x":${++id},"y":7}}`)),
    );
    return each * askers.length;
  },
  /** Sends what was made. Gives the seconds until the last was answered. */
  async ask() {
    const begin = process.hrtime.bigint();
    await Promise.all(askers.map((asker, at) => asker.ask(frames[at] as Frames)));
    return Number(process.hrtime.bigint() - begin) / 1e9;
  },
  pour() {
    for (const [at, asker] of askers.entries()) asker.pour(frames[at] as Frames);
  },
});
