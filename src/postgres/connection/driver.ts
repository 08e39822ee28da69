import { RowcastError } from '../../core/index.ts';

/** `pg` is the app's to install: it is asked for when a connection is. @throws {RowcastError} `driver_missing` with the command. */
export async function loadPg(): Promise<typeof import('pg')> {
  try {
    return await import('pg');
  } catch (cause) {
    throw new RowcastError('driver_missing', 'postgres(…) needs the package "pg": npm install pg', { cause });
  }
}
