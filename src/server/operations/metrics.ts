import type { LogStanding } from '../../core/index.ts';
import { Counts, LAGS } from './counts.ts';

/** What is looked at when somebody asks. Null: not known, or there is no such thing here. */
export interface Gauges {
  readonly sessions: number;
  readonly subscriptions: number;
  /** Milliseconds for which the log could not be read; 0: it is. */
  readonly staleMs: number;
  readonly ready: boolean;
  readonly log: LogStanding | null;
  readonly kept: Depth;
  /** What the fleet shares, where there is one. */
  readonly term: number | null;
  readonly leads: boolean;
}

/** What is kept for who comes back. */
export interface Depth {
  readonly entries: number;
  readonly bytes: number;
  /** Of the oldest entry, ms. */
  readonly age: number;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric, in whatever words somebody asks for it. Times are in seconds, sizes in bytes. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** How long commits took, as numbers at or under each bound, in seconds. */
export interface Histogram {
  readonly name: string;
  readonly type: 'histogram';
  readonly help: string;
  readonly bounds: readonly number[];
  /** One more than bounds; each by itself. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export type Metric = Family | Histogram;

const one = (value: number): readonly Sample[] => [{ labels: {}, value }];
const none: readonly Sample[] = [];
const known = (value: number | null, unit = 1): readonly Sample[] => (value === null ? none : one(value / unit));
const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));

/** Milliseconds. */
const SECOND = 1_000;

/** Those that are known. */
export function metrics(counts: Counts, gauges: Gauges): readonly Metric[] {
  return all(counts, gauges).filter((metric) => metric.type === 'histogram' || metric.samples.length > 0);
}

/** Those that there are, of whatever is known. */
export function everyMetric(): readonly Metric[] {
  const kept = { entries: 0, bytes: 0, age: 0 };
  return all(new Counts(), { sessions: 0, subscriptions: 0, staleMs: 0, ready: false, log: null, kept, term: null, leads: false });
}

function all(counts: Counts, gauges: Gauges): readonly Metric[] {
  return [...counters(counts), lagOf(counts), ...gaugesOf(counts, gauges)];
}

function counters(counts: Counts): readonly Family[] {
  const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: 'counter', help, samples });
  return [
    counter('rowcast_commits_total', 'Commits read from the log of the database by this process.', one(counts.commits)),
    counter('rowcast_entries_total', 'Commits that concern somebody, appended to the ledger by this process.', one(counts.entries)),
    counter('rowcast_passed_total', 'Entries of the ledger that this process has passed on.', one(counts.passed)),
    counter('rowcast_sessions_total', 'Connections that were let in.', one(counts.sessions)),
    counter('rowcast_ends_total', 'Connections that this side ended, by why.', by('reason', counts.ends)),
    counter('rowcast_frames_total', 'Changes, answers, pages of rows and others that went to one connection each.', one(counts.frames)),
    counter('rowcast_socket_writes_total', 'Writes to sockets, of one frame or several.', one(counts.writes)),
    counter('rowcast_socket_bytes_total', 'Bytes written to sockets, before the transport compresses them.', one(counts.bytes)),
    counter('rowcast_merges_total', 'Times that a connection which was behind was told what it missed as one commit.', one(counts.merges)),
    counter('rowcast_resets_total', 'Views whose rows had to be read again, by why.', by('reason', counts.resets)),
    counter('rowcast_writes_total', 'Writes, batches and calls of clients, by how they were answered.', by('code', counts.answers)),
  ];
}

function lagOf({ lags, lagSum }: Counts): Histogram {
  return {
    name: 'rowcast_lag_seconds',
    type: 'histogram',
    help: 'From the commit to the sockets, of the oldest commit in each round of writing.',
    bounds: LAGS.map((ms) => ms / SECOND),
    counts: lags,
    sum: lagSum / SECOND,
  };
}

function gaugesOf(counts: Counts, gauges: Gauges): readonly Family[] {
  const { log, kept, term, leads, ready } = gauges;
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: 'gauge', help, samples });
  const of = (unit: LogStanding['unit'], value: number | null | undefined): readonly Sample[] =>
    log?.unit === unit ? known(value ?? null) : none;
  return [
    gauge('rowcast_ready', '1 where this process takes connections, else 0.', one(ready ? 1 : 0)),
    gauge('rowcast_sessions', 'Connections now.', one(gauges.sessions)),
    gauge('rowcast_subscriptions', 'Views that connections hold now.', one(gauges.subscriptions)),
    gauge('rowcast_last_lag_seconds', 'The last of rowcast_lag_seconds.', known(counts.lag, SECOND)),
    gauge('rowcast_stale_seconds', 'For how long nothing could be read; 0: it is read.', known(gauges.staleMs, SECOND)),
    gauge('rowcast_log_behind_bytes', 'Between what has been read of the log and its end.', of('bytes', log?.behind)),
    gauge('rowcast_log_behind_rows', 'Between what has been read of the journal and its end.', of('rows', log?.behind)),
    gauge('rowcast_log_kept_bytes', 'What the database keeps of its log for this reader.', of('bytes', log?.kept)),
    gauge('rowcast_log_kept_rows', 'What the journal holds.', of('rows', log?.kept)),
    gauge('rowcast_log_room_bytes', 'What may still be written before the database cuts this reader off.', of('bytes', log?.room)),
    gauge('rowcast_ledger_entries', 'Entries that are kept here for who comes back.', one(kept.entries)),
    gauge('rowcast_ledger_bytes', 'About how many bytes these take.', one(kept.bytes)),
    gauge('rowcast_ledger_age_seconds', 'How old the oldest of these is.', known(kept.age, SECOND)),
    gauge('rowcast_relay_term', 'The term of whoever reads the log for all.', known(term)),
    gauge('rowcast_relay_leads', '1 where this process is who reads the log, else 0.', one(leads ? 1 : 0)),
  ];
}
