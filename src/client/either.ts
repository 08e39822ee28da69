import type { SocketFactory } from './socket.ts';

/**
 * The first, until it is silent twice in a row: some proxies refuse WebSockets, and some take them and swallow what is said. Then each in turn,
 * until one is heard. That one is kept, and after four silent tries in a row the other has one: a computer may have been taken elsewhere, but
 * as a rule it is the server that is away.
 */
export function either(first: SocketFactory, second: SocketFactory): SocketFactory {
  let silent = 0;
  let kept: SocketFactory | null = null;
  let last: SocketFactory | null = null;
  return (token, answered) => {
    if (answered) kept = last;
    if (answered !== null) silent = answered ? 0 : silent + 1;
    const usual = kept ?? first;
    const others = kept ? silent % 5 === 4 : silent > 1 && silent % 2 === 0;
    last = !others ? usual : usual === first ? second : first;
    return last(token, answered);
  };
}
