import cluster from 'node:cluster';
import { once } from 'node:events';
import { systemClock } from '../../src/server/index.ts';
import { siblings } from '../../src/siblings/index.ts';

// Three workers of one cluster: each hears what each has sent, or it ends with 1. Called with the path of a socket.

const WORKERS = 3;

if (cluster.isPrimary) {
  const workers = Array.from({ length: WORKERS }, () => cluster.fork());
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const worker of workers) worker.send('send');
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const worker of workers) worker.kill();
} else {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const bounds = { entries: 10, bytes: 1_000, age: 1_000 };
  const { bus } = await siblings(process.argv[2]).open({ epoch: 'e', start: '0000000000000000', bounds, clock: systemClock, log });
  const heard = new Set<unknown>();
  bus.listen(({ payload }) => {
    heard.add(payload);
    if (heard.size === WORKERS) process.send?.('heard');
  });
  process.on('message', () => void bus.send({ group: 'g', stream: null, payload: process.pid, except: null }));
  process.send?.('ready');
}
