import { one, type Edit, type Mutant } from './mutant.ts';

const subscription = 'src/server/views/subscription.ts';

/** Notes where the log was when the rows were asked for, as the wrong joins do. */
const BEGAN: readonly Edit[] = [
  { file: subscription, find: '  #round = 0;\n', replace: "  #round = 0;\n  #began: Position = '';\n" },
  {
    file: subscription,
    find: '    this.#round = load.round;\n    load.wait',
    replace: '    this.#round = load.round;\n    this.#began = this.#gateway.window.tail;\n    load.wait',
  },
];

/** From the rows a view begins with to the screen. */
export const OF_VIEWS: readonly Mutant[] = [
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
      'server/fan-out/catch-up.ts',
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
  // Views.
  {
    name: 'unknown taken for none',
    breaks: 'while it is read what a user belongs to, they are shown nothing, and told that it is all',
    edits: one('server/views/views.ts', '    await parts.memberships.known(userIdOf(caller.user));\n', ''),
    law: {
      file: 'test/server/membership-lost.test.ts',
      name: 'who asks while it is read is answered when it is known: nobody is told that there is nothing, or that they may not',
    },
  },
  {
    name: 'a leave that is not fenced',
    breaks: 'who leaves something in a commit still hears that commit’s rows of it',
    edits: [
      ...one('server/fan-out/gateway.ts', '    this.#first.pass(entry);\n', ''),
      ...one(
        'server/fan-out/gateway.ts',
        '    this.#position = position;\n    if (writers)',
        '    this.#first.pass(entry);\n    this.#position = position;\n    if (writers)',
      ),
    ],
  },
  {
    name: 'rows of before the grant',
    breaks: 'who was let in is told rows as they were before',
    edits: one(
      'server/views/subscription.ts',
      'return start !== null && this.#holder.granted(this, start).every((entry) => shows(snapshot, entry));',
      'return start !== null;',
    ),
  },
  {
    name: 'ready before the log is there',
    breaks: 'rows are shown, and said to be of now, before all that they have in them is known',
    edits: one(
      'server/views/first-rows.ts',
      'this.#parts.reach(snapshot.until, AbortSignal.any([signal, over.signal])).then(',
      'Promise.resolve().then(',
    ),
  },
  {
    name: 'merged with what was between',
    breaks: 'several commits in one tell states that were gone at the end of them',
    edits: one(
      'server/fan-out/catch-up.ts',
      'if (row) row.last = each;\n    else rows.set(each.delivery.key,',
      'if (row) row.last = each;\n    rows.set(`${each.delivery.key} ${rows.size}`,',
    ),
  },
  {
    name: 'behind, and skipped',
    breaks: 'who fell behind never hears what they missed',
    edits: one('server/views/views.ts', '      if (missed) items.push(...missed);\n      else again', '      if (!missed) again'),
  },
  {
    name: 'a position before its reset',
    breaks: 'who cannot be told what they missed is told that they have everything, and only then to read again',
    edits: one(
      'server/views/views.ts',
      '    box.caughtUp();\n',
      "    box.caughtUp();\n    if (items.length === 0) box.send({ type: 'ping', position: window.tail });\n",
    ),
  },
  {
    name: 'ready twice over',
    breaks: 'a view that reads again because the log could not tell its rows stays as it was',
    edits: one(
      'server/views/subscription.ts',
      '    const reset = window.resetSince(start, stream.name, snapshot);\n',
      '    const reset = null as ResetReason | null;\n',
    ),
  },
  // Coming back.
  {
    name: 'resumed without `since`',
    breaks: 'who comes back to a place from before their access is told what happened there',
    edits: one('server/views/resuming.ts', `  if (at < verdict.since) return 'token_invalid';\n`, ''),
  },
  {
    name: 'resumed over a leave',
    breaks: 'who left and came back is told what happened meanwhile',
    edits: one(
      'server/views/resuming.ts',
      'window.membersSince(at, name, user).length > 0',
      'window.membersSince(at, name, user).length > 1_000',
    ),
  },
  {
    name: 'resumed over a reset',
    breaks: 'what the log could not tell row by row is not told to who comes back',
    edits: one('server/views/resuming.ts', ' ??\n    window.resetSince(at, stream.name);', ';'),
  },
  {
    name: 'resumed past the window',
    breaks: 'who was away for longer than is remembered goes on as if nothing had been forgotten',
    edits: one('server/window/window.ts', 'return position < this.#floor ? this.#floorReason : null;', 'return null;'),
  },
  {
    name: 'another’s token',
    breaks: 'what was given to one shows something for another',
    edits: one('server/admission/token.ts', ' || who !== nowWho || stream !== nowStream)', ' || stream !== nowStream)'),
  },
  // The client.
  {
    name: 'a client that loses its token over a reset',
    breaks: 'who shows rows that are read again comes back as one who is new, and may be shown an earlier moment',
    edits: one('client/subscription.ts', `    this.state = 'loading';\n`, `    this.state = 'loading';\n    this.token = undefined;\n`),
    law: {
      file: 'src/client/resume.test.ts',
      name: 'is where it was for a view that is read again, and nowhere for one that was never ready',
    },
  },
  {
    name: 'a client that goes on from what was on its way',
    breaks: 'rows that were read on a connection that ended are shown on the next',
    edits: one('client/subscriptions.ts', '      view.rows.staged = null;\n', ''),
    law: { file: 'src/client/resume.test.ts', name: 'is of the rows that are shown: what was read in their place is worth nothing' },
  },
  {
    name: 'a client that shows what is on its way',
    breaks: 'rows that are read again are seen before all of them are there',
    edits: one('client/collection.ts', '    if (!this.staged) this.#put(', '    if (!this.staged || this.#told.size > 0) this.#put('),
  },
  {
    name: 'a client that holds to its own write',
    breaks: 'what this client wrote stays over what others have made of the row since',
    edits: one(
      'client/overlay.ts',
      "if (op.position !== null && op.position <= position && (now || op.position !== '')) this.lift(op);",
      "if (op.position === '' && now) this.lift(op);",
    ),
  },
  {
    name: 'a client that shows its write where nothing may be seen',
    breaks: 'a row that was made in a view that is refused stays in it',
    edits: one('client/overlay.ts', "      else if (view.state === 'failed') view.rows.clear();\n", ''),
  },
  {
    name: 'a client that forgets what left',
    breaks: 'rows that are not among those read again stay',
    edits: one('client/collection.ts', '    for (const key of [...this.#told.keys()]) if (!staged.has(key)) this.#put(key, null);\n', ''),
  },
];
