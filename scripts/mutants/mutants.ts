/** One place in a file, found by its text, and what is put there. */
export interface Edit {
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** One way to be wrong that looks right: what is shipped, with one thing changed. */
export interface Mutant {
  readonly name: string;
  /** What it breaks, for whoever reads that it was not found. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** A law that finds it, where it lies below what is simulated. Left out: the simulation does. */
  readonly law?: { readonly file: string; readonly name: string };
}

const one = (file: string, find: string, replace: string): readonly Edit[] => [{ file: `src/${file}`, find, replace }];
const subscription = 'src/server/subscription.ts';

/** Notes where the log was when the rows were asked for, as the wrong joins do. */
const BEGAN: readonly Edit[] = [
  { file: subscription, find: '  #round = 0;\n', replace: "  #round = 0;\n  #began: Position = '';\n" },
  {
    file: subscription,
    find: '    this.#round = load.round;\n    load.wait',
    replace: '    this.#round = load.round;\n    this.#began = this.#parts.window.tail;\n    load.wait',
  },
];

export const MUTANTS: readonly Mutant[] = [
  // The four joins that look right.
  {
    name: 'joined by position',
    breaks: 'rows and log are joined by the end of the log as read with the snapshot: the log runs ahead of what can be seen',
    edits: one('core/snapshot.ts', 'return id < snapshot.xmin || (id < snapshot.xmax && !snapshot.running.has(id));', 'return id >= 0n;'),
  },
  {
    name: 'joined by the position before',
    breaks: 'everything after the place the log was at before the rows were read is told again: some of it is in the rows',
    edits: [
      ...BEGAN,
      {
        file: subscription,
        find: 'unseen(window.since(start, stream.name, this.#groups.keys()), snapshot)',
        replace: 'unseen(window.since(this.#began, stream.name, this.#groups.keys()), { by: "position", until: this.#began })',
      },
    ],
  },
  {
    name: 'filtered until the first transaction past the snapshot',
    breaks: 'what the rows show is told again once something that they do not show has come: the log has another order than visibility',
    edits: one(
      'server/catch-up.ts',
      'return passed.filter(({ entry }) => !shows(snapshot, entry));',
      `let past = false;
  return passed.filter(({ entry }) => {
    past ||= snapshot.by === 'xid' && entry.xid !== null && BigInt(entry.xid) >= snapshot.xmax;
    return past || !shows(snapshot, entry);
  });`,
    ),
  },
  {
    name: 'replayed from the subscription on',
    breaks: 'what stood in the log before the subscription, and was not to be seen yet when the rows were read, is lost',
    edits: [
      ...BEGAN,
      { file: subscription, find: 'unseen(window.since(start, stream.name', replace: 'unseen(window.since(this.#began, stream.name' },
    ],
  },
  // The relay and the rule.
  {
    name: 'unfolded',
    breaks: 'a commit is told statement by statement: a row that was somebody’s for a moment inside it goes out',
    edits: one('core/route.ts', 'of fold(commit.changes)', 'of commit.changes'),
  },
  {
    name: 'confirmed early',
    breaks: 'the database may forget what the ledger does not have yet',
    edits: one(
      'server/relay.ts',
      '    await ledger.append(entries, term);\n    const last',
      '    const first = commits.at(-1);\n    if (first) source.acknowledge(first.position);\n    await ledger.append(entries, term);\n    const last',
    ),
  },
  {
    name: 'told twice after a failure',
    breaks: 'what the ledger has already is appended again when the log is read again',
    edits: one('server/relay.ts', '      if (commit.position <= prev) continue;', '      if (commit.position < prev) break;'),
  },
  {
    name: 'a delete with data',
    breaks: 'who loses a row is told what became of it',
    edits: one('doors/rowcast1.ts', `if (action === 'delete') return`, `if (action === 'delete' && delivery.fields === '{}') return`),
  },
  {
    name: 'what was left out of the log as NULL',
    breaks: 'a large value that an update leaves alone is lost',
    edits: one('postgres/log/pgoutput.ts', 'image[place] = old?.[place] ?? null;', 'image[place] = null;'),
    law: {
      file: 'src/postgres/log/pgoutput.test.ts',
      name: 'rows are images in the order of the model, whatever the order of the log, with values left out taken from the row before',
    },
  },
  // The ledger and the gateway.
  {
    name: 'a lost wake-up',
    breaks: 'what is appended between a reader’s look and its sleep wakes nobody',
    edits: one(
      'memory/ledger.ts',
      'else await new Promise<void>((resolve) => this.#asleep.add((wake = resolve)));',
      'else {\n          await null;\n          await new Promise<void>((resolve) => this.#asleep.add((wake = resolve)));\n        }',
    ),
    law: { file: 'src/testing/memory-bodies.test.ts', name: 'no wake-up is lost' },
  },
  {
    name: '`prev` unchecked',
    breaks: 'entries that a broker lost are missed without a word',
    edits: one('server/gateway.ts', '    if (entry.prev > this.position) this.#gap(entry.prev);\n', ''),
  },
  {
    name: 'members kept over a gap',
    breaks: 'who left something in what was lost stays in it',
    edits: one('server/gateway.ts', '    this.#first.missed();\n', ''),
  },
  {
    name: 'sessions kept over a gap in the log',
    breaks: 'an access that was taken back in what was lost goes on',
    edits: one('server/gateway.ts', '    if (entry.gap) {\n      this.#sendAway();\n', '    if (entry.gap) {\n'),
  },
  {
    name: 'a gap not sealed',
    breaks: 'rows that do not have what was lost are gone on from, for its transactions are not known',
    edits: one('server/window.ts', '    if (this.#isOpen) return false;\n', '    if (snapshot.until > this.#floor) return true;\n'),
  },
  {
    name: 'what has gone is forgotten',
    breaks: 'rows are gone on from though the window has lost a commit that they do not show',
    edits: one('server/window.ts', ' || !this.#gone.shownIn(snapshot)) return null;', ') return null;'),
  },
  {
    name: 'a revocation unheard',
    breaks: 'an access that was taken back goes on',
    edits: one('server/gateway.ts', '      if (receipt.revokes) this.#revoke(receipt.revokes);\n', ''),
  },
  {
    name: 'answers after their commit',
    breaks: 'a client hears of its write’s row before it hears that it was its own',
    edits: [
      { file: 'src/server/gateway.ts', find: '      this.receipts.arrived(receipt, position);\n', replace: '' },
      {
        file: 'src/server/gateway.ts',
        find: '    for (const receipt of entry.receipts) this.#marked(receipt);\n',
        replace:
          '    for (const receipt of entry.receipts) this.receipts.arrived(receipt, position);\n    for (const receipt of entry.receipts) this.#marked(receipt);\n',
      },
    ],
  },
  {
    name: 'one answer for two tries',
    breaks: 'a client that came back is not answered, because its earlier connection was',
    edits: one('server/receipts.ts', 'const earlier = tries?.find((each) => each.box === box);', 'const earlier = tries?.[0];'),
  },
  {
    name: 'a write refused that was applied',
    breaks: 'a write that is asked for again is refused for what is so now, and not answered as it was',
    edits: one(
      'server/inbound.ts',
      `return params.refused.code === 'forbidden' ? { key, values: {}, foreign: params.refused } : params;`,
      'return params;',
    ),
  },
  {
    name: 'a failure that hides what was done',
    breaks: 'a write is said to have failed, and an earlier try of it was applied',
    edits: one(
      'server/inbound.ts',
      '    return failed(frame, stream, { writer, store: parts.store });\n',
      "    return { answer: { ok: false, code: 'internal', message: 'nothing was written' }, logged: false };\n",
    ),
  },
  // Views.
  {
    name: 'unknown taken for none',
    breaks: 'while it is read what a user belongs to, they are shown nothing, and told that it is all',
    edits: one('server/views.ts', '    await this.#parts.memberships.known(this.#parts.userId());\n', ''),
  },
  {
    name: 'a leave that is not fenced',
    breaks: 'who leaves something in a commit still hears that commit’s rows of it',
    edits: [
      { file: 'src/server/gateway.ts', find: '    this.#first.pass(entry);\n', replace: '' },
      {
        file: 'src/server/gateway.ts',
        find: '    this.#position = position;\n    for (const receipt',
        replace: '    this.#first.pass(entry);\n    this.#position = position;\n    for (const receipt',
      },
    ],
  },
  {
    name: 'rows of before the grant',
    breaks: 'who was let in is told rows as they were before',
    edits: one(
      'server/subscription.ts',
      'return start !== null && this.#parts.granted(this, start).every((entry) => shows(snapshot, entry));',
      'return start !== null;',
    ),
  },
  {
    name: 'ready before the log is there',
    breaks: 'rows are shown, and said to be of now, before all that they have in them is known',
    edits: one(
      'server/first-rows.ts',
      'this.#parts.reach(snapshot.until, AbortSignal.any([signal, over.signal])).then(',
      'Promise.resolve().then(',
    ),
  },
  {
    name: 'merged with what was between',
    breaks: 'several commits in one tell states that were gone at the end of them',
    edits: one(
      'server/catch-up.ts',
      'if (row) row.last = each;\n    else rows.set(each.delivery.key,',
      'if (row) row.last = each;\n    rows.set(`${each.delivery.key} ${rows.size}`,',
    ),
  },
  {
    name: 'behind, and skipped',
    breaks: 'who fell behind never hears what they missed',
    edits: one('server/views.ts', '      if (missed) items.push(...missed);\n      else again', '      if (!missed) again'),
  },
  {
    name: 'ready twice over',
    breaks: 'a view that reads again because the log could not tell its rows stays as it was',
    edits: one(
      'server/subscription.ts',
      '    const reset = window.resetSince(start, stream.name, snapshot);\n',
      '    const reset = null as ResetReason | null;\n',
    ),
  },
  // Coming back.
  {
    name: 'resumed without `since`',
    breaks: 'who comes back to a place from before their access is told what happened there',
    edits: one('server/views.ts', `    if (at < verdict.since) return 'token_invalid';\n`, ''),
  },
  {
    name: 'resumed over a leave',
    breaks: 'who left and came back is told what happened meanwhile',
    edits: one('server/views.ts', 'window.membersSince(at, name, user).length > 0', 'window.membersSince(at, name, user).length > 1_000'),
  },
  {
    name: 'resumed over a reset',
    breaks: 'what the log could not tell row by row is not told to who comes back',
    edits: one('server/views.ts', ' ??\n      window.resetSince(at, stream.name);', ';'),
  },
  {
    name: 'resumed past the window',
    breaks: 'who was away for longer than is remembered goes on as if nothing had been forgotten',
    edits: one('server/window.ts', 'return position < this.#floor ? this.#floorReason : null;', 'return null;'),
  },
  {
    name: 'another’s token',
    breaks: 'what was given to one shows something for another',
    edits: one('server/token.ts', ' || who !== nowWho || stream !== nowStream)', ' || stream !== nowStream)'),
  },
  // The client.
  {
    name: 'a client that keeps its token over a reset',
    breaks: 'rows that were on their way are gone on from',
    edits: one('client/subscription.ts', `    this.state = 'loading';\n    this.token = undefined;\n`, `    this.state = 'loading';\n`),
  },
  {
    name: 'a client that shows what is on its way',
    breaks: 'rows that are read again are seen before all of them are there',
    edits: one(
      'client/collection.ts',
      'const rows = this.#staged ?? this.#shown;',
      'const rows = this.#staged && this.#shown.size > 0 ? this.#shown : (this.#staged ?? this.#shown);',
    ),
  },
  {
    name: 'a client that forgets what left',
    breaks: 'rows that are not among those read again stay',
    edits: one('client/collection.ts', '.filter((key) => !staged.has(key))', '.filter((key) => staged.has(key) && false)'),
  },
];
