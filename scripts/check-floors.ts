// The laws of the house that no compiler holds. See CONTRIBUTING.md, "Floors".
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readHouse } from './floors/house.ts';
import { faultsOf, longFiles, machineFaults } from './floors/laws.ts';

const root = join(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter(
    (path) => /\.(ts|mjs|js|json|md|html|css|yml)$|^\.ci\//.test(path) && path !== 'package-lock.json' && existsSync(join(root, path)),
  );

const house = readHouse(root);
const faults = [...faultsOf(house), ...machineFaults(root, tracked)];
for (const path of longFiles(house)) console.log(`floors: long: ${path}`);
for (const { law, where, cure } of faults) console.error(`floors: ${law}: ${where}: ${cure}`);
console.log(`floors: ${house.sources.length} files on ${house.floors.size} floors, ${faults.length} faults`);
if (faults.length > 0) process.exitCode = 1;
