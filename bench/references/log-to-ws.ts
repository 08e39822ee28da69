import pg from 'pg';
import { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';
import type { WebSocket } from 'ws';
import { writing } from '../parts/peer-writes.ts';
import { wsServer } from '../parts/reference-server.ts';
import { answer } from '../process.ts';

// What one builds in an afternoon: the log by the package most use for it, the row as JSON once, a loop over everybody. It knows no groups,
// no first rows, no order across a drop, and nobody who may not see.

const sockets = new Set<WebSocket>();
let app: pg.Pool;
let stop: () => Promise<void>;

answer({
  async listen({ url }: { url: string }) {
    app = new pg.Pool({ connectionString: url, max: 4 });
    await app.query('CREATE PUBLICATION bench FOR TABLE hot');
    const slot = new URL(url).pathname.slice(1); // a name is the whole server's, not the database's
    await app.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    const service = new LogicalReplicationService({ connectionString: url }, { acknowledge: { auto: true, timeoutSeconds: 1 } });
    service.on('data', (_lsn: string, message: { tag: string; new?: object }) => {
      if (message.tag !== 'update') return;
      const text = JSON.stringify(message.new);
      for (const socket of sockets) socket.send(text);
    });
    const started = new Promise((resolve) => service.once('start', resolve));
    const reading = service.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: ['bench'] }), slot);
    let stopped = false;
    reading.catch((error: unknown) => {
      if (!stopped) throw error; // nobody waits for what never comes
    });
    await started;
    stop = async () => {
      stopped = true;
      await service.stop();
      await reading.catch(() => undefined);
      await app.end();
    };
    return wsServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.send('{}');
    });
  },
  ...writing((value) => app.query({ name: 'hot', text: 'UPDATE hot SET value = $1 WHERE id = 1', values: [value] })),
  close: () => stop(),
});
