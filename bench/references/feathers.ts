import { textOf } from '../parts/reference-server.ts';
import { turn } from '../parts/turns.ts';
import { answer } from '../process.ts';
import { serving } from './feathers-app.ts';

// A service without a database: what its channels cost. A change is a call of the service, and its event goes to the channel.

const { app, listen } = serving({ patch: (_id: number, data: object) => Promise.resolve(data) });
let value = 0;

answer({
  listen,
  async run({ ticks, each, bytes }: { ticks: number; each: number; bytes: number }) {
    for (let tick = 0; tick < ticks; tick++) {
      const called: Promise<unknown>[] = [];
      // The same text comes out that the others send.
      for (let n = 0; n < each; n++) called.push(app.service('hot').patch(1, JSON.parse(textOf(++value, bytes))));
      await Promise.all(called);
      await turn();
    }
    return ticks * each * app.channel('hot').length;
  },
});
