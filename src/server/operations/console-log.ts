import type { Log } from '../../core/index.ts';

/** The default log: one line each on stderr, and under it, indented, where an error came from. */
export const consoleLog: Log = {
  info: (about, message) => void process.stderr.write(entry('info', about, message)),
  warn: (about, message) => void process.stderr.write(entry('warn', about, message)),
  error: (about, message) => void process.stderr.write(entry('error', about, message)),
};

/** What is logged may come from a client: no text of theirs begins a line of its own, or speaks to the terminal. */
export function entry(level: string, about: object, message: string): string {
  const details = Object.entries(about).map(([key, value]) => `${escaped(key)}=${shown(value)}`);
  return `rowcast ${level}: ${[escaped(message), ...details].join(' ')}\n`;
}

function shown(value: unknown): string {
  if (value instanceof Error) return (value.stack ?? value.message).split('\n').map(escaped).join('\n    ');
  return escaped(jsonOf(value));
}

/** A log that throws (a BigInt, a cycle) hides what it was to tell. */
function jsonOf(value: unknown): string {
  try {
    return String(JSON.stringify(value));
  } catch {
    return String(value);
  }
}

const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
