import { one, type Mutant } from './mutant.ts';

/** From the database's log to the sessions. */
export const OF_THE_LOG: readonly Mutant[] = [
  // The relay and the rule.
  {
    name: 'unfolded',
    breaks: 'a commit is told statement by statement: a row that was somebody’s for a moment inside it goes out',
    edits: one('core/route.ts', 'of yield* folding(commit.changes)', 'of commit.changes'),
  },
  {
    name: 'confirmed early',
    breaks: 'the database may forget what the ledger does not have yet',
    edits: one(
      'server/relay/relay.ts',
      '    if (entries.length > 0) await ledger.append(entries, term);\n',
      '    const early = commits.at(-1);\n    if (early) source.acknowledge(early.position);\n    if (entries.length > 0) await ledger.append(entries, term);\n',
    ),
  },
  {
    name: 'told twice after a failure',
    breaks: 'what the ledger has already is appended again when the log is read again',
    edits: [
      ...one(
        'server/relay/relay.ts',
        '      if (commit.position <= prev) continue;',
        '      if (commit.position < prev) prev = commit.position;',
      ),
      ...one('core/ledger-rules.ts', 'if (entry.prev !== prev || entry.position <= prev) {', 'if (entry.position < entry.prev) {'),
    ],
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
      'else if (kept.length === 0) await new Promise<void>((resolve) => this.#asleep.add((wake = resolve)));',
      'else if (kept.length === 0) {\n          await null;\n          await new Promise<void>((resolve) => this.#asleep.add((wake = resolve)));\n        }',
    ),
    law: {
      file: 'src/testing/memory-bodies.test.ts',
      name: 'no wake-up is lost, however close an append comes to the moment a reader goes to sleep',
    },
  },
  {
    name: '`prev` unchecked',
    breaks: 'entries that a broker lost are missed without a word',
    edits: one('server/fan-out/gateway.ts', '    if (came.prev > this.position) this.#gap(came.prev);\n', ''),
  },
  {
    name: 'members kept over a gap',
    breaks: 'who left something in what was lost stays in it',
    edits: one('server/fan-out/gateway.ts', '    this.#first.missed();\n', ''),
  },
  {
    name: 'sessions kept over a gap in the log',
    breaks: 'an access that was taken back in what was lost goes on',
    edits: one('server/fan-out/gateway.ts', '    if (entry.gap) {\n      this.#sendAway();\n', '    if (entry.gap) {\n'),
  },
  {
    name: 'a gap not sealed',
    breaks: 'rows that do not have what was lost are gone on from, for its transactions are not known',
    edits: one('server/window/window.ts', '    if (this.#isOpen) return false;\n', '    if (snapshot.until > this.#floor) return true;\n'),
  },
  {
    name: 'what has gone is forgotten',
    breaks: 'rows are gone on from though the window has lost a commit that they do not show',
    edits: one('server/window/window.ts', ' || !this.#gone.shownIn(snapshot)) return null;', ') return null;'),
  },
  {
    name: 'a revocation unheard',
    breaks: 'an access that was taken back goes on',
    edits: one('server/fan-out/gateway.ts', '      if (receipt.revokes) this.#revoke(receipt.revokes);\n', ''),
  },
  {
    name: 'answers after their commit',
    breaks: 'a client hears of its write’s row before it hears that it was its own',
    edits: [
      ...one(
        'server/fan-out/gateway.ts',
        '      for (const box of this.receipts.arrived(receipt, position)) (writers ??= new Set()).add(box);\n',
        '',
      ),
      ...one(
        'server/fan-out/gateway.ts',
        '    if (writers) bring(writers, position);\n',
        `    writers = new Set(entry.receipts.flatMap((receipt) => [...this.receipts.arrived(receipt, position)]));
    bring(writers, position);\n`,
      ),
    ],
  },
  {
    name: 'one answer for two tries',
    breaks: 'a client that came back is not answered, because its earlier connection was',
    edits: one(
      'server/fan-out/receipts.ts',
      'const earlier = this.#tries.get(key)?.find((each) => each.box === box && each.asked.client === asked.client);',
      'const earlier = this.#tries.get(key)?.[0];',
    ),
  },
  {
    name: 'a write refused that was applied',
    breaks: 'a write that is asked for again is refused for what is so now, and not answered as it was',
    edits: one(
      'server/writes/prepare.ts',
      `return params.refused.code === 'forbidden' ? made({}, params.refused) : params;`,
      'return params;',
    ),
    law: {
      file: 'test/server/asked-again.test.ts',
      name: 'a write that was done is answered so, though its view is not the writer’s any more; one that was not is refused',
    },
  },
  {
    name: 'a failure that hides what was done',
    breaks: 'a write is said to have failed, and an earlier try of it was applied',
    edits: one(
      'server/writes/inbound.ts',
      '    return failed(claim, parts.store);\n',
      "    return { answer: { ok: false, code: 'internal', message: 'nothing was written' }, logged: false };\n",
    ),
    law: {
      file: 'test/server/asked-again.test.ts',
      name: 'a write that was done is answered so, though the app fails on it now; one that was not has failed, and stays undone',
    },
  },
];
