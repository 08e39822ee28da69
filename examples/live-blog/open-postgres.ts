import { count, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { postgres } from 'rowcast/postgres';
import type { Opened } from './database.ts';
import { blog, integerValue, post, statements } from './schema-postgres.ts';
import * as seed from './seed.ts';

export async function openPostgres(url: string): Promise<Opened> {
  const pool = new pg.Pool({ connectionString: url });
  pool.on('error', (error) => console.error('Postgres:', error.message)); // an idle connection that broke; the pool makes another
  const db = drizzle(pool);

  await db.transaction(async (tx) => {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtext('live-blog'))`); // two servers that start at once
    const { rows } = await tx.execute<{ there: boolean }>(sql`SELECT to_regclass('post') IS NOT NULL AS there`);
    for (const statement of statements) await tx.execute(sql.raw(statement));
    await tx.insert(blog).values(seed.blogs).onConflictDoNothing();
    // The keys above were named, so the sequence has not moved.
    await tx.execute(sql`SELECT setval(pg_get_serial_sequence('blog', 'id'), (SELECT max(id) FROM blog))`);
    if (rows[0]?.there) return;
    await tx.insert(post).values(seed.posts);
    const [{ n } = { n: 0 }] = await tx.select({ n: count() }).from(integerValue);
    if (n === 0) await tx.insert(integerValue).values(seed.values);
  });
  return {
    source: postgres(url),
    tables: { blog, integerValue, post },
    shell: 'psql "$DATABASE_URL" -c',
    close: () => pool.end(),
  };
}
