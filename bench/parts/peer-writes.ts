import { machineMs } from '../load/arrivals.ts';

/** Two ways of writing the one hot row, each write a value one higher than the last. They give when each was about to be written, in ms. */
export function writing(write: (value: number) => Promise<unknown>): Record<string, (argument: never) => Promise<number[]>> {
  return {
    async paced({ first, writes, everyMs }: { first: number; writes: number; everyMs: number }) {
      const sent: number[] = [];
      for (const begin = machineMs(); sent.length < writes;) {
        const early = begin + sent.length * everyMs - machineMs();
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
        sent.push(machineMs());
        await write(first + sent.length - 1);
      }
      return sent;
    },
    /** As fast as they are acknowledged, so many in flight. */
    async burst({ first, writes, abreast }: { first: number; writes: number; abreast: number }) {
      const sent: number[] = [];
      const one = async (): Promise<void> => {
        while (sent.length < writes) {
          const value = first + sent.length;
          sent.push(machineMs());
          await write(value);
        }
      };
      await Promise.all(Array.from({ length: abreast }, one));
      return sent;
    },
  };
}
