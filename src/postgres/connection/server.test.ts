import { expect, test } from 'vitest';
import { startPostgres } from '../../../test/servers/postgres.ts';
import { postgres } from '../index.ts';

test('a server that cannot be connected to is said in one line with the cure, and no password', async () => {
  await using server = await startPostgres();
  const other = new URL(server.url);
  other.pathname = '/nowhere';
  other.password = 'canary';
  for (const [url, what] of [
    [other.href, /cannot connect to Postgres: database "nowhere" does not exist; make the database/],
    ['postgres://u:canary@127.0.0.1:1/x', /ECONNREFUSED.*is it running/],
  ] as const) {
    const failed = await postgres(url)
      .plan([])
      .catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({ code: 'source_unreachable', message: expect.stringMatching(what) });
    expect((failed as Error).message).not.toContain('canary');
  }
});
