import type { Reporter, TestModule } from 'vitest/node';
import type { Told } from './law.ts';

/** A line of JSON for every test that ran, and for everything that kept one from running. */
export default class LawReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const { message } of module.errors()) say({ error: message });
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'skipped') say({ law: test.name, holds: state === 'passed' });
      }
    }
  }
}

function say(told: Told): void {
  console.log(JSON.stringify(told));
}
