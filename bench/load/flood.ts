import { machineMs } from './arrivals.ts';

/** Messages to one room at a steady pace, and to another at another, whatever becomes of them meanwhile. */
export interface Flood {
  /** Messages to the small room. */
  readonly commits: number;
  /** Ms between two to the small room, and to the large one. */
  readonly small: number;
  readonly large: number;
  readonly bytes: number;
}

export interface Flooded {
  /** When each message to the small room was due: a server that had no time for it then is late. */
  readonly due: readonly number[];
  /** Messages to the large room. */
  readonly large: number;
}

/** `tell`: a message to a room, of the text's bytes. Room 0 is the large one, 1 the small one. */
export async function flood({ commits, small, large, bytes }: Flood, tell: (room: number, bytes: number) => void): Promise<Flooded> {
  const begin = machineMs();
  const due: number[] = [];
  let told = 0;
  while (due.length < commits) {
    const now = machineMs() - begin;
    for (; told * large <= now; told++) tell(0, bytes);
    for (; due.length < commits && due.length * small <= now; due.push(begin + due.length * small)) tell(1, bytes);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { due, large: told };
}
