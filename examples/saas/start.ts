import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { appOf } from './server/app.ts';
import { builtBundle, developmentBundle } from './server/bundle.ts';
import { migrate } from './server/database.ts';
import { startEmbedded } from './server/embedded.ts';
import { pageRoutes } from './server/pages.ts';
import { PASSWORD, PEOPLE, seed } from './server/seed.ts';

// One command, and nothing else to install: `node start.ts`. With DATABASE_URL it runs on yours; with NODE_ENV=production it serves what `build.ts` made.

const { DATABASE_URL, PORT = '3000', NODE_ENV } = process.env;
const { ORIGIN = `http://localhost:${PORT}` } = process.env;
const production = NODE_ENV === 'production';

mkdirSync('data', { recursive: true });
const embedded = DATABASE_URL ? null : await startEmbedded('data/postgres').catch(end);
const url = DATABASE_URL ?? embedded?.url ?? '';
await migrate(url);

const app = await appOf({ url, origin: ORIGIN, secret: secret(), log: true });
const bundle = production ? await builtBundle(app.http, 'dist') : await developmentBundle(app.http, 'data/vite');
pageRoutes(app.http, { ...app, bundle });
if (embedded) await seed(app); // never into a database that is somebody's

await app.http.listen({ port: Number(PORT), host: production ? '0.0.0.0' : 'localhost' }).catch(end);
console.log(`ready ${ORIGIN}`);
if (embedded) for (const { email, roles } of PEOPLE) console.log(`  ${email.padEnd(20)} ${PASSWORD}   ${rolesText(roles)}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void (async () => {
      if (production) await app.live.drain(); // clients come back one after the other, to whoever serves then
      await app.http.close();
      await embedded?.stop();
      process.exit(0);
    })();
  });
}

/** What keeps it from starting is not a fault of the code: a line says it, no stack. */
function end(error: Error & { readonly code?: string }): never {
  console.error(error.code === 'EADDRINUSE' ? `port ${PORT} is taken: choose another: PORT=${Number(PORT) + 1} …` : error.message);
  process.exit(1);
}

function rolesText(roles: object): string {
  return Object.entries(roles)
    .map(([slug, role]) => `${role} of ${slug}`)
    .join(', ');
}

/** Made at the first start and kept, so that a restart signs nobody out. In production it is yours to keep. */
function secret(): string {
  const given = process.env['BETTER_AUTH_SECRET'];
  if (given) return given;
  if (production) throw new Error('set BETTER_AUTH_SECRET: openssl rand -base64 32');
  const file = 'data/auth-secret';
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}
