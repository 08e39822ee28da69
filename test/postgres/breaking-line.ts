import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface BreakingLine {
  readonly url: string;
  broken(): boolean;
  close(): Promise<void>;
}

/**
 * A line to a server that breaks at the first COMMIT, after it has reached the server (`passed`) or before, and that nobody can take again
 * for `downMs`.
 */
export async function breakingLine(url: string, passed: boolean, downMs = 300): Promise<BreakingLine> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let upAt = 0;
  const line = createServer((near) => {
    if (Date.now() < upAt) return near.destroy();
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (data) => {
      const breaks = upAt === 0 && data.includes('COMMIT');
      if (!breaks) return far.write(data);
      upAt = Date.now() + downMs;
      for (const socket of sockets) if (socket !== near && socket !== far) socket.destroy();
      if (!passed) return near.destroy();
      // The answer shows that it was done, and goes nowhere.
      far.removeAllListeners('data');
      far.once('data', () => near.destroy());
      return far.write(data);
    });
    far.on('data', (data) => near.write(data));
    return undefined;
  });
  return {
    url: await listening(line, to),
    broken: () => upAt !== 0,
    close: () => closed(line, sockets),
  };
}

export interface SwallowingLine {
  readonly url: string;
  /** The next so many connections are taken and never answered. */
  swallow(connections: number): void;
  swallowed(): number;
  close(): Promise<void>;
}

/** A line to a server that may turn into one that takes everything and says nothing, as a firewall does. */
export async function swallowingLine(url: string): Promise<SwallowingLine> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let left = 0;
  let swallowed = 0;
  const line = createServer((near) => {
    sockets.add(near.on('error', () => undefined));
    if (left > 0) {
      left--;
      swallowed++;
      near.resume();
      return;
    }
    const far = connect(Number(to.port), to.hostname).on('error', () => undefined);
    sockets.add(far);
    near.on('close', () => far.destroy()).pipe(far);
    far.on('close', () => near.destroy()).pipe(near);
  });
  return {
    url: await listening(line, to),
    swallow: (connections) => void (left = connections),
    swallowed: () => swallowed,
    close: () => closed(line, sockets),
  };
}

export interface FreezingLine {
  readonly url: string;
  /** From now on nothing passes, either way, and nobody hangs up: as when the machine at one end has gone. */
  freeze(): void;
  close(): Promise<void>;
}

export async function freezingLine(url: string): Promise<FreezingLine> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let frozen = false;
  const line = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      // prettier-ignore
      sockets.add(one.on('error', () => undefined));
      one.on('data', (data) => frozen || other.write(data));
      one.on('close', () => frozen || other.destroy());
    }
  });
  return { url: await listening(line, to), freeze: () => void (frozen = true), close: () => closed(line, sockets) };
}

async function listening(line: Server, to: URL): Promise<string> {
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  const from = new URL(to);
  from.hostname = '127.0.0.1';
  from.port = String((line.address() as AddressInfo).port);
  return from.href;
}

async function closed(line: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  line.close();
  await once(line, 'close');
}

export interface KillingLine {
  readonly url: string;
  broken(): boolean;
  /** Is called as soon as the server has done it: nobody on the near side has heard. */
  onBreak(then: () => void): void;
  close(): Promise<void>;
}

/** A line to a server that passes the answer to one statement, the given time that it is sent, to nobody, nor anything after it. */
export async function killingLine(url: string, statement: string, times: number): Promise<KillingLine> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let left = times;
  let broken = false;
  let then = (): void => {};
  const line = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    let isLast = false;
    near.on('data', (data) => {
      if (data.includes(statement) && --left === 0) isLast = true;
      far.write(data);
    });
    far.on('data', (data) => {
      if (isLast && !broken) {
        broken = true;
        then();
      }
      if (!broken) near.write(data);
    });
  });
  return {
    url: await listening(line, to),
    broken: () => broken,
    onBreak: (call) => void (then = call),
    close: () => closed(line, sockets),
  };
}
