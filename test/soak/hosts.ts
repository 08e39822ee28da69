import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = async (...args: readonly string[]): Promise<void> => void (await run('ip', args));

/** To where a host has a cable of its own. */
export type Cable = 'database' | 'broker' | 'clients';
const CABLES: readonly Cable[] = ['database', 'broker', 'clients'];

/** The kernel keeps this range for measuring networks: nobody's machine has it. One part of it for each process, one of that for each cable. */
const RANGE = '198.18';
const PART = process.pid % 256;
const EACH = 4;
let made = 0;

/** Why no host can be made here; null: they can. */
export async function hostless(): Promise<string | null> {
  try {
    const host = await Host.make();
    await host[Symbol.asyncDispose]();
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'there is no `ip`: apt-get install iproute2' : `network namespaces cannot be made here: ${message.trim()}`;
  }
}

/**
 * A machine, as far as the network tells: a network namespace, with cables to where this process is. What is at the other end of a cable that is
 * pulled is not refused, but silent.
 */
export class Host implements AsyncDisposable {
  readonly #name: string;
  readonly #number: number;

  private constructor(number: number) {
    this.#number = number;
    this.#name = `rowcast-${process.pid}-${number}`;
  }

  static async make(): Promise<Host> {
    const host = new Host(made++);
    await ip('netns', 'add', host.#name);
    try {
      await ip('-n', host.#name, 'link', 'set', 'lo', 'up');
      for (const cable of CABLES) {
        await ip('link', 'add', host.#end(cable), 'type', 'veth', 'peer', 'name', cable, 'netns', host.#name);
        await ip('address', 'add', `${host.here(cable)}/30`, 'dev', host.#end(cable));
        await ip('-n', host.#name, 'address', 'add', `${host.#at(cable, 2)}/30`, 'dev', cable);
        await ip('-n', host.#name, 'link', 'set', cable, 'up');
        await host.plug(cable);
      }
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs on this host what follows. */
  get within(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  /** Where it is reached. */
  get address(): string {
    return this.#at('clients', 2);
  }

  /** Where it reaches what is here. */
  here(cable: Cable): string {
    return this.#at(cable, 1);
  }

  pull(cable: Cable): Promise<void> {
    return ip('link', 'set', this.#end(cable), 'down');
  }

  plug(cable: Cable): Promise<void> {
    return ip('link', 'set', this.#end(cable), 'up');
  }

  /** What runs on it has ended by then. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Both ends of a cable go with one of them; those of a host that was not finished may not be there.
    for (const cable of CABLES) await ip('link', 'delete', this.#end(cable)).catch(() => undefined);
    await ip('netns', 'delete', this.#name);
  }

  /** A name may have 15 letters. */
  #end(cable: Cable): string {
    return `rc${process.pid}n${this.#number}${cable[0] ?? ''}`;
  }

  #at(cable: Cable, place: 1 | 2): string {
    const part = (this.#number * CABLES.length + CABLES.indexOf(cable)) * EACH;
    if (part + EACH > 256) throw new Error('this process has made all the hosts that it has addresses for');
    return `${RANGE}.${PART}.${part + place}`;
  }
}
