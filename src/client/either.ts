import type { SocketFactory } from './socket.ts';

/**
 * The first, and the second where the first is silent twice in a row: some proxies refuse WebSockets, and some take them and swallow what is
 * said. Every fifth silent try in a row is followed by one of the other. What was heard last is kept.
 */
export function either(first: SocketFactory, second: SocketFactory): SocketFactory {
  let silent = 0;
  let kept: SocketFactory | null = null;
  let last: SocketFactory | null = null;
  return (token, answered) => {
    if (answered) kept = last;
    silent = answered ? 0 : silent + (answered === false ? 1 : 0);
    const usual = kept ?? (silent < 2 ? first : second);
    const other = usual === first ? second : first;
    last = silent % 5 === 4 ? other : usual;
    return last(token, answered);
  };
}
