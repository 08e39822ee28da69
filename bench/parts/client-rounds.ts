import { createClient } from 'rowcast/client';
import { rounds } from '../load/rounds.ts';
import { answer } from '../process.ts';

let client: ReturnType<typeof createClient>;

answer({
  open: ({ port }: { port: number }) => void (client = createClient(`ws://127.0.0.1:${port}/binding/`, { linger: 0 })),
  rounds: ({ count }: { count: number }) => rounds(client, count),
});
