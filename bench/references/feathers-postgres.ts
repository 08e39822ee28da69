import { KnexService } from '@feathersjs/knex';
import knex, { type Knex } from 'knex';
import { answer } from '../process.ts';
import { writing } from '../parts/peer-writes.ts';
import { serving } from './feathers-app.ts';

// The service of its own package for SQL. Writes go through it: what others write to the table, nobody is told.

let db: Knex;
let patch: (value: number) => Promise<unknown>;

answer({
  listen({ url }: { url: string }) {
    db = knex({ client: 'pg', connection: url, pool: { min: 4, max: 4 } });
    const { app, listen } = serving(new KnexService({ Model: db, name: 'hot' }));
    patch = (value) => app.service('hot').patch(1, { value });
    return listen();
  },
  ...writing((value) => patch(value)),
  close: () => db.destroy(),
});
