import type { Client } from 'rowcast/client';

/** Views that are asked for, read and left, one after another. */
export async function rounds(client: Client, count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    const handle = client.stream('ticks', { room: 1 + (round % 100) });
    await new Promise<void>((resolve) => handle.on('ready', () => resolve()));
    if (handle.rows.length !== 1) throw new Error(`${handle.rows.length} rows in a room of one`);
    handle.close();
  }
}
