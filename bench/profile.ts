import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { basename, dirname } from 'node:path';
import { writeHeapSnapshot } from 'node:v8';
import { flame } from './flame.ts';

export type Kind = 'cpu' | 'heap';

export interface Profile {
  /** Ends it. `stem`: the path of its files, without what they end in. */
  write(stem: string): Promise<void>;
}

/** Profiles this process: where its CPU goes, or what it allocates and what is there in the end. */
export async function profiled(kind: Kind): Promise<Profile> {
  const session = new Session();
  session.connect();
  switch (kind) {
    case 'cpu':
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: 200 }); // µs
      await session.post('Profiler.start');
      return {
        async write(stem) {
          const { profile } = await session.post('Profiler.stop');
          session.disconnect();
          save(`${stem}.cpuprofile`, JSON.stringify(profile));
          save(`${stem}.svg`, flame(profile, basename(stem)));
        },
      };
    case 'heap':
      // Garbage too: what is allocated on the hot path is hardly ever there at the end.
      await session.post('HeapProfiler.startSampling', {
        samplingInterval: 16_384,
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      });
      return {
        async write(stem) {
          const { profile } = await session.post('HeapProfiler.stopSampling');
          session.disconnect();
          save(`${stem}.heapprofile`, JSON.stringify(profile));
          writeHeapSnapshot(`${stem}.heapsnapshot`);
        },
      };
  }
}

function save(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
