import type { Log } from '../core/index.ts';

/** The default log: one line each on stderr. */
export const consoleLog: Log = {
  info: (about, message) => write('info', about, message),
  warn: (about, message) => write('warn', about, message),
  error: (about, message) => write('error', about, message),
};

function write(level: string, about: object, message: string): void {
  const details = Object.entries(about).map(
    ([key, value]) => `${key}=${value instanceof Error ? (value.stack ?? value.message) : JSON.stringify(value)}`,
  );
  process.stderr.write(`rowcast ${level}: ${[message, ...details].join(' ')}\n`);
}
