import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'vitest';
import { testClock, TestLog } from '../../test/postgres/follower.ts';
import type { Lease, OpenDatabase } from '../core/index.ts';
import { leaseSuite } from '../testing/index.ts';
import { sqlite } from './index.ts';

// Each process has connections of its own to the file.
leaseSuite(
  {
    name: 'sqlite',
    skip: [],
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'rowcast-lease-'));
      const file = join(folder, 'app.db');
      const made = new DatabaseSync(file);
      made.exec('PRAGMA user_version = 1');
      made.close();
      let passed = 0;
      const clock = { ...testClock(), time: () => Date.now() + passed };
      const all: OpenDatabase[] = [];
      const another = async (): Promise<Lease> => {
        const open = await sqlite(file).open([], { setup: 'auto', clock, log: new TestLog() });
        all.push(open);
        return open.lease as Lease;
      };
      return {
        lease: await another(),
        another,
        pass: async (ms) => void (passed += ms),
        async close() {
          for (const each of all) await each.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  },
  { describe, test },
);
