import { current } from './going.ts';
import { round } from './text.ts';

export interface Passing {
  /** From 1. */
  readonly pass: number;
  readonly passes: number;
  /** Who is measured now; left out: the pass is over. */
  readonly contender?: string;
  /** So far, by contender. */
  readonly medians: Readonly<Record<string, number>>;
}

/** What a run is at, on stderr: in place on a terminal, else a line a pass. */
export class Progress {
  readonly #out: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

  constructor(out: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>) {
    this.#out = out;
  }

  at(passing: Passing): void {
    if (current().workload === '') return; // a test counts passes, not a run
    const line = describe(current().workload, passing);
    if (this.#out.isTTY) this.#inPlace(line);
    else if (passing.contender === undefined && passing.passes > 1) this.#out.write(`${line}\n`);
  }

  /** A line that stays. */
  say(line: string): void {
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${line}\n` : `${line}\n`);
  }

  #inPlace(line: string): void {
    this.#out.write(`\r\u001b[K${line.slice(0, (this.#out.columns || 120) - 1)}`);
  }
}

/** `fanout 3/7 · ws.send(string) · rowcast 7.69, ws.send(string) 8.40` */
export function describe(workload: string, { pass, passes, contender, medians }: Passing): string {
  const so = Object.entries(medians).map(([name, median]) => `${name} ${round(median)}`);
  return [`${workload} ${pass}/${passes}`, ...(contender === undefined ? [] : [contender]), ...(so.length > 0 ? [so.join(', ')] : [])].join(
    ' · ',
  );
}

/** This run's: there is one run a process. */
export const progress: Progress = new Progress(process.stderr);
