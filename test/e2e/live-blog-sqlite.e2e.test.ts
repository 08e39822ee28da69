import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startDemo } from './demo.ts';
import { scenes } from './scenes.ts';

scenes('SQLite', async () => {
  const demo = await startDemo();
  const shell = new DatabaseSync(join(demo.folder, 'data', 'live-blog.db'));
  shell.exec('PRAGMA busy_timeout = 5000');
  return {
    demo,
    sql: async (statement) =>
      shell
        .prepare(statement)
        .all()
        .map((row) => ({ ...row })),
    async close() {
      shell.close();
      await demo[Symbol.asyncDispose]();
    },
  };
});
