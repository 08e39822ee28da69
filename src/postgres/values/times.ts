import { ValueError, type Json } from '../../core/index.ts';
import type { Codec } from './codec.ts';

const quoted = (text: string): string => `"${text}"`;

const DAY = /^(\d{4,7})-(\d\d)-(\d\d)$/;
const CLOCK = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const ZONE = /(Z|[+-]\d\d:?\d\d)$/;
const LAST_DATE_YEAR = 5_874_897;
const LAST_TIMESTAMP_YEAR = 294_276;

const isInfinity = (value: Json): value is string => value === 'infinity' || value === '-infinity';

/** `2026-11-23`, `0044-03-15 BC`, `12026-01-01`, `infinity`: the log's own text. Midnight UTC is taken too: a JavaScript `Date` says it so. */
export const DATE: Codec = {
  kind: 'date',
  toWire: quoted,
  fromWire(value) {
    if (isInfinity(value)) return value;
    const { text, era } = eraOf(value);
    const day = text?.replace(/T00:00:00(?:\.0{1,6})?Z$/, '');
    if (day === undefined || !isDay(day, era, LAST_DATE_YEAR)) throw new ValueError('a date, such as 2026-11-23');
    return day + era;
  },
};

export const TIME: Codec = {
  kind: 'time',
  toWire: quoted,
  fromWire(value) {
    const clock = typeof value === 'string' ? clockOf(value) : null;
    if (clock === null) throw new ValueError('a time, such as 12:34:56.789012');
    return clock;
  },
};

/** No zone. One that says UTC is taken and dropped: it is how a JavaScript `Date` is written. */
export const TIMESTAMP: Codec = {
  kind: 'timestamp',
  toWire: (text) => `"${text.replace(' ', 'T')}"`,
  fromWire(value) {
    if (isInfinity(value)) return value;
    const moment = momentOf(value);
    if (moment === null || (moment.zone !== '' && moment.zone !== 'Z')) {
      throw new ValueError('a time without a zone, such as 2026-11-23T12:34:56.789012');
    }
    return `${moment.day} ${moment.clock}${moment.era}`;
  },
};

/** The session's zone is UTC, so the log says `+00`; years of five digits and years before 1 keep their place and their ` BC`. */
export const TIMESTAMPTZ: Codec = {
  kind: 'timestamptz',
  toWire: (text) => `"${text.replace(' ', 'T').replace('+00', 'Z')}"`,
  fromWire(value) {
    if (isInfinity(value)) return value;
    const moment = momentOf(value);
    if (moment === null || moment.zone === '') throw new ValueError('a time with its zone, such as 2026-11-23T12:34:56.789012Z');
    const { day, clock } = moment.zone === 'Z' ? moment : inUtc(moment);
    return `${day} ${clock}+00${moment.era}`;
  },
};

const UNITS = ['Y', 'M', 'W', 'D'].map((unit) => `(?:-?\\d+${unit})?`).join('');
const DURATION = new RegExp(`^P(?=.)${UNITS}(?:T(?=.)(?:-?\\d+H)?(?:-?\\d+M)?(?:-?\\d+(?:\\.\\d{1,6})?S)?)?$`);

export const INTERVAL: Codec = {
  kind: 'interval',
  toWire: quoted,
  fromWire(value) {
    if (isInfinity(value)) return value;
    if (typeof value !== 'string' || !DURATION.test(value)) throw new ValueError('a duration in ISO 8601, such as P1DT2H30M');
    return value;
  },
};

interface Moment {
  readonly day: string;
  readonly clock: string;
  readonly zone: string;
  readonly era: '' | ' BC';
}

function eraOf(value: Json): { readonly text: string | undefined; readonly era: '' | ' BC' } {
  if (typeof value !== 'string') return { text: undefined, era: '' };
  return value.endsWith(' BC') ? { text: value.slice(0, -3), era: ' BC' } : { text: value, era: '' };
}

function momentOf(value: Json): Moment | null {
  const { text, era } = eraOf(value);
  const at = text?.search(/[T ]/) ?? -1;
  if (text === undefined || at < 0) return null;
  const day = text.slice(0, at);
  const zone = ZONE.exec(text.slice(at))?.[0] ?? '';
  const clock = clockOf(text.slice(at + 1, text.length - zone.length));
  return clock !== null && isDay(day, era, LAST_TIMESTAMP_YEAR) ? { day, clock, zone, era } : null;
}

function isDay(text: string, era: string, lastYear: number): boolean {
  const [, year = '', month = '', day = ''] = DAY.exec(text) ?? [];
  if (year === '' || Number(year) < 1 || Number(year) > (era === '' ? lastYear : 4_714)) return false;
  // The calendar repeats every 400 years, and the year before 1 is 0 to it.
  const cycle = 2000 + ((era === '' ? Number(year) : 1 - Number(year)) % 400);
  const date = new Date(Date.UTC(cycle, Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

/** As Postgres prints it: seconds always, no blank zeros. */
function clockOf(text: string): string | null {
  const [all, hours = '', minutes = '', seconds = '00', fraction = ''] = CLOCK.exec(text) ?? [];
  if (all === undefined || Number(minutes) > 59 || Number(seconds) > 59) return null;
  if (Number(hours) > 24 || (hours === '24' && /[1-9]/.test(minutes + seconds + fraction))) return null;
  const digits = fraction.replace(/0+$/, '');
  return `${hours}:${minutes}:${seconds}${digits === '' ? '' : `.${digits}`}`;
}

/** A zone counts in minutes, so a fraction of a second stays as it is. */
function inUtc({ day, clock, zone, era }: Moment): { readonly day: string; readonly clock: string } {
  if (era !== '' || day.length > 10) throw new ValueError('a time in UTC, such as 2026-11-23T12:34:56Z');
  const minutes = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * (zone.startsWith('-') ? 1 : -1);
  const [whole = '', fraction] = clock.split('.');
  const [hours = '', ...rest] = whole.split(':');
  const moment = new Date(`${day}T00:00:00Z`);
  moment.setUTCMinutes(Number(hours) * 60 + Number(rest[0]) + minutes, Number(rest[1]));
  const iso = moment.toISOString();
  if (iso.length !== 24 || iso.startsWith('0000')) throw new ValueError('a time in UTC, such as 2026-11-23T12:34:56Z');
  return { day: iso.slice(0, 10), clock: iso.slice(11, 19) + (fraction === undefined ? '' : `.${fraction}`) };
}
