import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { answer } from '../process.ts';
import { writing } from './peer-writes.ts';
import { serving } from './serving.ts';

// All features on: by the log, groups, a whitelist, positions, the window. The app writes by a statement of its own, in this process.

const hot = pgTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(hot), { fields: ['id', 'value', 'body'], groupNames: () => ['hot'] });
let app: pg.Pool;
let close: () => Promise<void>;

answer({
  async listen({ url }: { url: string }) {
    app = new pg.Pool({ connectionString: url, max: 4 });
    const slot = new URL(url).pathname.slice(1); // a name is the whole server's, not the database's
    const live = await rowcast({ source: postgres({ url, slot }), bindings: { hot: binding } });
    close = async () => {
      await live.close();
      await app.end();
    };
    return serving(live, ['hot']).listen();
  },
  ...writing((value) => app.query({ name: 'hot', text: 'UPDATE hot SET value = $1 WHERE id = 1', values: [value] })),
  close: () => close(),
});
