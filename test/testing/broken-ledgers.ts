import type { Entry, Position } from '../../src/core/index.ts';
import { PlainLedger, type Kept } from './plain-ledger.ts';

/** Ledgers that break one promise each, as somebody might, and the laws that must find it. */
export const BROKEN: readonly { readonly ledger: typeof PlainLedger; readonly laws: readonly string[] }[] = [
  {
    ledger: class LosesAWakeUp extends PlainLedger {
      protected override async sleep(signal: AbortSignal): Promise<void> {
        await null; // what comes now wakes nobody
        return super.sleep(signal);
      }
    },
    laws: ['no wake-up is lost, however close an append comes to the moment a reader goes to sleep'],
  },
  {
    ledger: class LooksAtNoPrev extends PlainLedger {
      protected override follows(): boolean {
        return true;
      }
    },
    laws: ['entries that do not follow the tail are refused, all of them, and change nothing', 'of two appends to one tail, one is taken'],
  },
  {
    ledger: class LooksAtTheFirstPrevOnly extends PlainLedger {
      protected override follows([first]: readonly Entry[]): boolean {
        return !first || first.prev === this.tailAt;
      }
    },
    laws: ['entries that do not follow the tail are refused, all of them, and change nothing'],
  },
  {
    ledger: class TakesWhatFollows extends PlainLedger {
      protected override follows(entries: readonly Entry[]): boolean {
        const broken = entries.findIndex(
          ({ prev, position }, at) => prev !== (entries[at - 1]?.position ?? this.tailAt) || position <= prev,
        );
        if (broken > 0) void this.take(entries.slice(0, broken));
        return broken < 0;
      }
    },
    laws: ['entries that do not follow the tail are refused, all of them, and change nothing'],
  },
  {
    ledger: class LooksAtNoTerm extends PlainLedger {
      protected override leads(term: number): boolean {
        return term > 0;
      }
    },
    laws: [
      'nothing is appended under a term that is not the current one: none, an older one, one that was never given',
      'once another leads, the one before appends nothing more, however they interleave',
      'who was overtaken learns that, and not that its tail is wrong',
    ],
  },
  {
    ledger: class LooksAtTheTermTooEarly extends PlainLedger {
      override async append(entries: readonly Entry[], term: number): Promise<void> {
        const isCurrent = this.leads(term);
        for (let tick = 0; tick < 9; tick++) await null; // what another process asks here is between the check and the append
        return super.append(entries, isCurrent ? this.term : term);
      }
    },
    laws: ['once another leads, the one before appends nothing more, however they interleave'],
  },
  {
    ledger: class FloorIsTheOldestKept extends PlainLedger {
      protected override trim(): void {
        super.trim();
        this.floorAt = this.kept[0]?.entry.position ?? this.tailAt;
      }
    },
    laws: [
      'by count: up to the bound all is kept, and one more lets the oldest go',
      'it is followed from its floor and from its tail, be it empty or not',
    ],
  },
  {
    ledger: class FloorIsNoPosition extends PlainLedger {
      protected override begin(after: Position): Position | null {
        return after > this.floorAt || after === this.tailAt ? super.begin(after) : null;
      }
    },
    laws: ['it is followed from its floor and from its tail, be it empty or not'],
  },
  {
    ledger: class OnlyEntriesArePositions extends PlainLedger {
      protected override begin(after: Position): Position | null {
        const known = [this.floorAt, ...this.kept.map(({ entry }) => entry.position)];
        return known.includes(after) ? super.begin(after) : null;
      }
    },
    laws: ['a position between two entries is a position: what comes after it is read'],
  },
  {
    ledger: class ShowsHalfACall extends PlainLedger {
      protected override async take(entries: readonly Entry[]): Promise<void> {
        const half = Math.ceil(entries.length / 2);
        await super.take(entries.slice(0, half));
        await null;
        await super.take(entries.slice(half));
      }
    },
    laws: ['the entries of one call are seen all or none'],
  },
  {
    ledger: class RegistersAtTheFirstRead extends PlainLedger {
      protected override async *read(begun: Position | null, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
        yield* super.read(begun === null || this.kept.length === 0 ? begun : this.tailAt, signal);
      }
    },
    laws: ['following begins when it is asked for: what is appended before the first read is not missed'],
  },
  {
    ledger: class SkipsWhatWasTrimmed extends PlainLedger {
      protected override has(): boolean {
        return true;
      }
    },
    laws: [
      'a reader that is overtaken by trimming is told so: what it got has no hole, and then there is a gap',
      'a reader that sleeps at the tail is overtaken by one call that is more than the bound',
    ],
  },
  {
    ledger: class KeepsOneTooMany extends PlainLedger {
      protected override goes(first: Kept): boolean {
        return super.goes(first) && this.kept.length - 1 > this.bounds.entries;
      }
    },
    laws: ['by count: up to the bound all is kept, and one more lets the oldest go'],
  },
  {
    ledger: class SleepsThroughAnAbort extends PlainLedger {
      protected override sleep(): Promise<void> {
        return super.sleep(new AbortController().signal);
      }
    },
    laws: ['an abort ends a follower that sleeps, however long it has slept'],
  },
  {
    ledger: class ReadsOnAfterAnAbort extends PlainLedger {
      protected override async *read(begun: Position | null, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
        const batch = begun === null ? [] : this.after(begun);
        if (batch.length > 0) yield batch;
        yield* super.read(batch.at(-1)?.position ?? begun, signal);
      }
    },
    laws: ['an abort before the first read ends a follower'],
  },
  {
    ledger: class GivesWhatWasHad extends PlainLedger {
      protected override begin(after: Position): Position | null {
        return super.begin(after < this.tailAt ? after : this.tailAt);
      }
    },
    laws: ['who is past the tail waits for what comes after it, and is given nothing else'],
  },
];
