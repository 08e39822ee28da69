import { Held, type GivenChange, type Kept } from './held.ts';
import { closeExplained, explained } from './resets.ts';
import { canonical, digest, marksIn, type StreamName } from './rules.ts';
import { CANARY, type Person } from './tables.ts';
import { during, isStarving, type Injected, type Kind } from './verdict.ts';
import type { ViewHistories, ViewHistory } from './view-history.ts';
import type { WritesJudge } from './writes-judge.ts';

/** What a client sent and what came, as bytes, in order, with the milliseconds at which it did. */
export type Line =
  | { readonly at: number; readonly type: 'open' }
  | { readonly at: number; readonly type: 'close'; readonly code: number }
  | { readonly at: number; readonly type: 'in' | 'out'; readonly text: string };

export interface ClientParts {
  readonly name: string;
  readonly person: Person;
  readonly views: ViewHistories;
  readonly writes: WritesJudge;
  readonly faults: readonly Injected[];
  report(kind: Kind, about: string): void;
  /** Counts what came: how often it was put to the test. */
  count(what: string): void;
}

interface Asked {
  readonly view: ViewHistory;
  readonly at: string | null;
  readonly genuine: boolean;
  /** The token was given for this view or another: a server knows by it that what `at` says may be so. */
  readonly given: boolean;
  /** Where the connection was when it asked. */
  readonly from: string;
}

type Frame = Readonly<Record<string, unknown>> & { readonly type: string };
type WireChange = readonly [view: number, action: string, pk: unknown, data?: unknown];

/** One client over all its connections: reads what it read and knows what it may know. Nothing here is the client's own code. */
export class ClientJudge {
  readonly #parts: ClientParts;
  readonly #followed = new Set<ViewHistory>();
  readonly #tokens = new Map<ViewHistory, Set<string>>();
  readonly #kept = new Map<ViewHistory, Kept & { readonly since: number }>();
  readonly #asked = new Map<number, Asked>();
  readonly #held = new Map<number, { readonly held: Held; readonly asked: Asked }>();
  readonly #letGo = new Set<number>();
  #part: WireChange[] = [];
  #position = '';
  #since = 0;
  #open = false;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  hear(line: Line): void {
    switch (line.type) {
      case 'open':
        this.#open = true;
        this.#position = '';
        return;
      case 'close':
        this.#ended(line);
        return this.#closed();
      case 'out':
        return this.#sent(JSON.parse(line.text) as Frame);
      case 'in':
        this.#inspect(line.text);
        return this.#heard(JSON.parse(line.text) as Frame, line.at);
    }
  }

  /** What has not arrived, at a moment when everything should have. */
  unsettled(final: string): readonly string[] {
    if (!this.#open) return ['not connected'];
    const waiting = [...this.#asked.values()].map(({ view }) => `${view.name} is not answered`);
    for (const { held } of this.#held.values()) {
      const must = held.view.rowsAt(final);
      const same = held.rows.size === must.size && [...must].every(([pk, data]) => held.rows.get(pk) === data);
      if (held.state !== 'ready') waiting.push(`${held.view.name} is ${held.state}`);
      else if (!same) waiting.push(`${held.view.name} is at ${held.position}, with ${held.rows.size} of ${must.size} rows or others`);
    }
    return waiting;
  }

  #report(kind: Kind, about: string): void {
    this.#parts.report(kind, about);
  }

  /** Whatever the frame is: no byte of what this person never was to see. */
  #inspect(text: string): void {
    if (text.includes(CANARY)) this.#report('leaked', `a canary came: ${text.slice(0, 500)}`);
    for (const mark of marksIn(text)) {
      if (![...this.#followed].some(({ marks }) => marks.has(mark)))
        this.#report('leaked', `the text ${mark} came in ${text.slice(0, 500)}`);
    }
  }

  #ended({ code, at }: Extract<Line, { type: 'close' }>): void {
    const caused = during(this.#parts.faults, { who: this.#parts.name, from: at, until: at });
    if (!closeExplained(code, caused)) this.#report('unexplained', `closed with ${code} at ${Math.round(at / 1_000)} s`);
    else if (caused.length > 0 && caused.every(isStarving)) this.#parts.count('closed for want of a processor alone');
  }

  #closed(): void {
    this.#open = false;
    for (const { held } of this.#held.values()) this.#keep(held);
    this.#held.clear();
    this.#asked.clear();
    this.#letGo.clear();
    this.#part = [];
    this.#parts.writes.closed();
  }

  #keep(held: Held): void {
    if (held.position !== null) this.#kept.set(held.view, { position: held.position, rows: held.rows, since: this.#since });
  }

  #sent(frame: Frame): void {
    if (frame.type === 'subscribe') {
      const { id, stream, params = {}, at = null, token } = frame;
      const viewing = { stream: stream as StreamName, params: params as Record<string, string>, person: this.#parts.person };
      const view = this.#parts.views.of(viewing);
      this.#followed.add(view);
      const genuine = this.#tokens.get(view)?.has(token as string) ?? false;
      const given = [...this.#tokens.values()].some((tokens) => tokens.has(token as string));
      this.#asked.set(id as number, { view, at: at as string | null, genuine, given, from: this.#position });
    } else if (frame.type === 'unsubscribe') {
      const holding = this.#held.get(frame['view'] as number);
      if (holding) this.#keep(holding.held);
      this.#held.delete(frame['view'] as number);
      this.#letGo.add(frame['view'] as number);
    } else if (frame.type === 'write') this.#parts.writes.asked(frame as never);
  }

  #heard(frame: Frame, at: number): void {
    switch (frame.type) {
      case 'subscribed':
        return this.#subscribed(frame['id'] as number, frame['view'] as number);
      case 'rows': {
        const rows = (frame['rows'] as [unknown, unknown][]).map(([pk, data]) => [canonical(pk), digest(canonical(data))] as const);
        return this.#of(frame)?.held.page(rows, frame['count'] as number);
      }
      case 'commit':
        return this.#commit(frame, at);
      case 'ping':
        return typeof frame['position'] === 'string' ? this.#moved(frame['position'], at) : undefined;
      case 'ready':
        return this.#ready(frame, at);
      case 'reset':
        return this.#reset(frame as never, at);
      case 'dropped':
        return this.#dropped(frame);
      case 'error':
        return this.#refused(frame, at);
      case 'result':
      case 'seen':
        return this.#parts.writes.answered(frame as never);
      default:
        return undefined;
    }
  }

  #of(frame: Frame): { readonly held: Held; readonly asked: Asked } | undefined {
    const number = frame['view'] as number;
    const holding = this.#held.get(number);
    if (!holding && !this.#letGo.has(number)) this.#report('protocol', `${frame.type} about the view ${number}, which is not held`);
    return holding;
  }

  #subscribed(id: number, number: number): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (!asked) return this.#report('protocol', `subscribed ${id}, which was not asked`);
    const { view, at } = asked;
    if (!view.heldSometimes(asked.from, this.#parts.views.position)) this.#report('leaked', `${view.name} was given to who is no member`);
    const kept = this.#kept.get(view);
    // Where the client goes on from an earlier place than the judge knows it to have come to, it has what the view was there.
    const from = at === null ? null : kept?.position === at ? kept : { position: at, rows: view.rowsAt(at), since: kept?.since ?? 0 };
    const by = `asked for ${at === null ? 'anew' : `at ${at} by ${asked.genuine ? 'its token' : asked.given ? 'another token' : 'a token that is none'}`}`;
    const held = new Held(view, from, (kind, about) =>
      this.#report(kind, `${view.name}: ${about}${kind === 'reordered' ? `, ${by}` : ''}`),
    );
    this.#letGo.delete(number);
    this.#held.set(number, { held, asked });
    return undefined;
  }

  #commit(frame: Frame, at: number): void {
    this.#part.push(...(frame['changes'] as WireChange[]));
    if (frame['more'] === true) return this.#parts.count('part');
    const position = frame['position'] as string;
    const ready = [...this.#held.values()].some(({ held }) => held.state === 'ready');
    if (frame['merged'] === true) this.#parts.count(ready ? 'merged' : 'merged before ready');
    const given = new Map<number, GivenChange[]>();
    for (const [number, action, pk, data] of this.#part) {
      const change = { action, pk: canonical(pk), data: action === 'delete' ? null : digest(canonical(data)) };
      given.set(number, [...(given.get(number) ?? []), change]);
    }
    this.#part = [];
    for (const [number, { held }] of this.#held) {
      const own = given.get(number) ?? [];
      given.delete(number);
      this.#membership(held, position, own.length > 0);
      held.commit(position, own, frame['merged'] === true);
    }
    for (const number of given.keys()) {
      if (!this.#letGo.has(number)) this.#report('leaked', `the commit ${position} has changes of the view ${number}, which is not held`);
    }
    this.#position = position > this.#position ? position : this.#position;
    this.#since = at;
  }

  #moved(position: string, at: number): void {
    for (const { held } of this.#held.values()) {
      this.#membership(held, position, false);
      held.move(position);
    }
    this.#position = position > this.#position ? position : this.#position;
    this.#since = at;
  }

  /** A membership that ended takes the view with it: nothing comes after it, and the view does not go on. */
  #membership({ view, position: from, state }: Held, to: string, gives: boolean): void {
    if (gives && !view.heldAt(to)) this.#report('leaked', `${view.name}: changes came at ${to}, after the membership had ended`);
    if (state === 'ready' && from !== null && to > from && !view.heldAt(from)) {
      this.#report('leaked', `${view.name}: still followed at ${to}, and the membership had ended by ${from}`);
    }
  }

  #ready(frame: Frame, at: number): void {
    const holding = this.#of(frame);
    if (!holding) return;
    const { held, asked } = holding;
    const position = frame['position'] as string;
    this.#parts.count(held.state === 'resuming' ? 'resumed' : 'loaded');
    if (held.state === 'resuming') {
      if (!asked.genuine) this.#report('leaked', `${held.view.name}: a token that was never given was accepted`);
      if (!held.view.heldThrough(asked.at ?? '', position))
        this.#report('leaked', `${held.view.name}: history from outside of the membership`);
    } else if (!held.view.heldAt(position)) this.#report('leaked', `${held.view.name}: ready at ${position} for who is no member`);
    held.ready(position);
    this.#since = at;
    const tokens = this.#tokens.get(held.view) ?? new Set();
    this.#tokens.set(held.view, tokens.add(frame['token'] as string));
  }

  #reset(
    frame: { readonly views: readonly number[]; readonly reason: string; readonly position: string; readonly type: string },
    at: number,
  ): void {
    for (const number of frame.views) {
      const holding = this.#of({ type: 'reset', view: number });
      if (!holding) continue;
      const { held, asked } = holding;
      const { name, faults, views } = this.#parts;
      const refused = held.state === 'resuming';
      const since = (refused ? this.#kept.get(held.view)?.since : undefined) ?? this.#since;
      const missed = views.passed(held.position ?? '', frame.position);
      const about = {
        since,
        missed,
        reason: frame.reason,
        view: held.view,
        from: held.position,
        to: frame.position,
        refused,
        forged: refused && !asked.genuine,
      };
      const caused = during(faults, { who: name, from: since, until: at });
      if (explained(about, caused)) this.#parts.count(`reset ${frame.reason}`);
      else this.#report('unexplained', `${held.view.name}: reset ${frame.reason} at ${frame.position}, from ${held.position ?? 'nothing'}`);
      held.reset();
      if (refused && !asked.given) held.position = null; // nobody can know that it was anywhere
    }
  }

  #dropped(frame: Frame): void {
    const holding = this.#of(frame);
    if (!holding) return;
    const { view } = holding.held;
    if (view.heldAt(frame['position'] as string)) this.#report('unexplained', `${view.name}: dropped at ${String(frame['position'])}`);
    this.#parts.count('dropped');
    this.#held.delete(frame['view'] as number);
    this.#letGo.add(frame['view'] as number);
    this.#kept.delete(view);
  }

  #refused(frame: Frame, at: number): void {
    const asked = this.#asked.get(frame['id'] as number);
    if (!asked) return this.#report('protocol', `an error nobody caused: ${JSON.stringify(frame)}`);
    this.#asked.delete(frame['id'] as number);
    const { name, faults, views } = this.#parts;
    const denied = frame['code'] === 'forbidden' && !asked.view.heldThrough(asked.from, views.position);
    const unwell = ['busy', 'internal'].includes(String(frame['code'])) && during(faults, { who: name, from: at, until: at }).length > 0;
    if (!denied && !unwell) this.#report('unexplained', `${asked.view.name} was refused: ${JSON.stringify(frame)}`);
  }
}
