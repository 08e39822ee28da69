import { betterAuth } from 'better-auth';
import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import type { Db } from './database.ts';
import * as tables from './schema-auth.ts';

/** Who is signed in. `session` and `until` are what Rowcast ends a connection by. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly session: string;
  readonly until: Date;
}

export interface AuthOptions {
  readonly db: Db;
  readonly secret: string;
  /** Where the app is: `https://app.example`. Pages from elsewhere cannot sign anybody in. */
  readonly origin: string;
  /** A session is over: somebody signed out, or it was revoked. */
  ended(session: string): Promise<void>;
}

export type Auth = ReturnType<typeof authOf>;

export function authOf({ db, secret, origin, ended }: AuthOptions) {
  return betterAuth({
    secret,
    baseURL: origin,
    database: drizzleAdapter(db, { provider: 'pg', schema: tables }),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    databaseHooks: { session: { delete: { after: ({ id }) => ended(id) } } },
  });
}

/** The one answer to "who asks?": pages, routes and the live endpoint all use it. */
export async function userOf(auth: Auth, headers: Headers): Promise<User | null> {
  const found = await auth.api.getSession({ headers });
  if (!found) return null;
  const { session, user } = found;
  return { id: user.id, name: user.name, session: session.id, until: session.expiresAt };
}
