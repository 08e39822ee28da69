/** Connections that are written to in one turn of the event loop, at most: those of a larger group are written to in several. */
const SLICE = 1_000;

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when what was published in this turn has been written to so many sockets. */
export async function written(sockets: number): Promise<void> {
  for (let slice = 0; slice <= sockets; slice += SLICE) await turn();
  await turn();
}
