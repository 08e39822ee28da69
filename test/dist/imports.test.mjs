// The built package on any Node that users may have (^20.19 || >=22.12), by its own name and doors, with node's own runner.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const require = createRequire(import.meta.url);

for (const door of Object.keys(manifest.exports).filter((name) => name !== './package.json')) {
  const name = door.replace('.', 'rowcast');
  test(`${name} is imported on Node ${process.versions.node} without a driver being loaded`, async () => {
    assert.equal(typeof (await import(name)), 'object');
  });

  test(`${name} is required from CommonJS`, () => {
    assert.equal(typeof require(name), 'object');
  });
}

test('the package names no file that is not built', () => {
  for (const door of Object.values(manifest.exports)) {
    for (const file of typeof door === 'string' ? [door] : Object.values(door)) readFileSync(new URL(`../../${file}`, import.meta.url));
  }
});
