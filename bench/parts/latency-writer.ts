import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { answer } from '../process.ts';
import { writer, type Committed, type Writing } from './latency.ts';

// Somebody else who writes. In the server's own process an answer may be read after the row has gone out.

let commit: (writing: Writing) => Promise<Committed>;
let close: () => unknown;

answer({
  async sqlite({ at }: { at: string }) {
    const app = new DatabaseSync(at, { timeout: 5_000 });
    app.exec('PRAGMA synchronous=NORMAL');
    const update = app.prepare('UPDATE hot SET value = ? WHERE id = 1');
    commit = writer((value) => Promise.resolve(void update.run(value)));
    close = () => app.close();
  },
  async postgres({ at }: { at: string }) {
    const app = new pg.Client(at);
    await app.connect();
    commit = writer(
      async (value) => void (await app.query({ name: 'hot', text: 'UPDATE hot SET value = $1 WHERE id = 1', values: [value] })),
    );
    close = () => app.end();
  },
  commit: (writing: Writing) => commit(writing),
  close: () => close(),
});
