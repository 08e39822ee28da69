import { RowcastError, type Finding } from '../../core/index.ts';

const made =
  (level: Finding['level']) =>
  (about: string, message: string, ...cure: readonly string[]): Finding => ({ about, level, message, cure });

export const ok: (about: string, message: string) => Finding = made('ok');
export const warning: (about: string, message: string, ...cure: readonly string[]) => Finding = made('warning');
export const error: (about: string, message: string, ...cure: readonly string[]) => Finding = made('error');

/** Looks, and makes a finding of a failure to. */
export async function looked(about: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (failure) {
    return [failed(about, failure)];
  }
}

/** A refusal as a finding: where its message ends in a statement, that is the cure. */
export function failed(about: string, failure: unknown): Finding {
  const message = failure instanceof Error ? failure.message : String(failure);
  if (!(failure instanceof RowcastError)) return error(about, `it could not be looked at: ${message}`);
  const [, why, statement] = /^(.*?)(?:;|\.|, or) run:\s((?:ALTER|CREATE) .*?)(?:, or .*|;)?$/is.exec(message) ?? [];
  // One with a gap in it is for a person to fill.
  if (why === undefined || statement === undefined || statement.includes('…')) return error(about, message);
  return error(about, why, ...statement.split(/;\s*\n/));
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @example size(1_610_612_736) // '1.5 GiB' */
export function size(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${Number((bytes / 1024 ** unit).toFixed(1))} ${UNITS[unit]}`;
}

/** @example span(3_725) // '1 h 2 min' */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3_600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${whole} s`;
}
