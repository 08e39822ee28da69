const ISO = /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d+)?)S)?)?$/;

/**
 * An interval as a session prints it that has not been told otherwise (`IntervalStyle = postgres`), from the ISO 8601 of the log.
 *
 * @example intervalText('P1Y2M-3DT4H5M6.7S') // '1 year 2 mons -3 days +04:05:06.7'
 */
export function intervalText(iso: string): string {
  const parts = ISO.exec(iso);
  if (!parts) return iso; // 'infinity', or printed in this style already
  let text = '';
  let negative = false;
  for (const [index, unit] of (['year', 'mon', 'day'] as const).entries()) {
    const count = Number(parts[index + 1] ?? 0);
    if (count === 0) continue;
    text += `${text && ' '}${negative && count > 0 ? '+' : ''}${count} ${unit}${count === 1 ? '' : 's'}`;
    negative = count < 0;
  }
  const [hours = '0', minutes = '0', seconds = '0'] = parts.slice(4);
  const below = [hours, minutes, seconds].some((part) => part.startsWith('-'));
  if (text && ![hours, minutes, seconds].some((part) => /[1-9]/.test(part))) return text;
  const [whole = '0', fraction] = seconds.replace('-', '').split('.');
  const clock = [hours.replace('-', ''), minutes.replace('-', ''), whole].map((part) => part.padStart(2, '0')).join(':');
  return `${text && `${text} `}${below ? '-' : negative ? '+' : ''}${clock}${fraction === undefined ? '' : `.${fraction}`}`;
}
