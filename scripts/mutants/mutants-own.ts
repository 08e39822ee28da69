import { one, type Mutant } from './mutant.ts';

/** Random, over real sockets: it finds what is wrong often, whatever the schedule. */
const law = {
  file: 'test/client/own-writes.test.ts',
  name: 'all that is ever shown is the table with the page’s own writes on top, whatever is refused, lost and said again; and each is done once',
};

/** One that says frame by frame what is heard and when: no schedule, no luck. */
const overlay = (name: string) => ({ file: 'src/client/overlay.test.ts', name }) as const;

/** A page's own writes, from the moment they are made until the rows have them. */
export const OF_OWN_WRITES: readonly Mutant[] = [
  {
    name: 'own: gone at the answer',
    breaks: 'a write is not shown between its answer and the commit that has it',
    edits: one(
      'client/own-writes.ts',
      'else if (position !== null) this.#overlay.settle(laid, position);',
      "else this.#overlay.settle(laid, '');",
    ),
    law,
  },
  {
    name: 'own: there after it is refused',
    breaks: 'what was refused is shown for ever',
    edits: one('client/own-writes.ts', 'if (outcome && !outcome.ok) this.#overlay.hide(laid);\n    else if', 'if'),
    law,
  },
  {
    name: 'own: not laid on what comes',
    breaks: 'what others make of a row hides what this page wrote to it',
    edits: one('client/overlay.ts', 'if (!fold) return told;', 'if (!fold || (fold.told && told && fold.told !== told)) return told;'),
    law,
  },
  {
    name: 'own: a made row keeps its first key',
    breaks: 'a row that was made is there twice, and what is written to it is not shown',
    edits: one('client/own-writes.ts', '      this.#overlay.rekey(writes.shown, { stream, pk }, key);\n', ''),
    law: overlay('may be written to before it has its key: what is asked of it waits for it'),
  },
  {
    name: 'own: rows before the answers that were lost',
    breaks: 'rows come before it is known that they are those which this page makes: they are there twice',
    edits: one('client/own-writes.ts', 'again && laid.some(({ op }) => op.creates)', 'again && laid.length > 1_000'),
    law: overlay('when the connection was lost before its answer: nothing is asked for before that is here'),
  },
  {
    name: 'own: nobody knows what was sent',
    breaks: 'what is sent again is taken for new: rows that it made come before its answer',
    edits: one('client/writes.ts', '      each.again ||= each.sent;\n', ''),
    law: overlay('when the connection was lost before its answer: nothing is asked for before that is here'),
  },
  {
    name: 'own: gone with the first of what was missed',
    breaks: 'what was done shows no more as soon as anything comes again, before the commit that has it',
    edits: one('client/overlay.ts', "(now || op.position !== '')", 'now !== null'),
    law: overlay('whose answer came without a position, before the connection was lost, stays until all that was missed is here'),
  },
  {
    name: 'own: gone with the connection',
    breaks: 'what was done goes when the connection does, and is back with the next',
    edits: one(
      'client/link.ts',
      "    this.subscriptions.moved(status);\n    if (status !== 'open') this.writes.lost();\n",
      "    if (status !== 'open') this.writes.lost();\n    this.subscriptions.moved(status);\n",
    ),
    law: overlay('whose answer came without a position, before the connection was lost, stays until all that was missed is here'),
  },
  {
    name: 'own: a receipt that nobody hears',
    breaks: 'what the app has done is shown beside what it did',
    edits: one('client/writes.ts', 'if (each.is(id, client)) this.settle(each, position);', 'if (each.is(id, client)) break;'),
    law: overlay('shows until its receipt is seen'),
  },
  {
    name: 'own: a receipt that is said once',
    breaks: 'what the app did while there was no connection is shown beside what it did',
    edits: one(
      'server/session/session.ts',
      '    for (const { entry, write } of window.leftFor(name)) this.box.send(',
      '    for (const { entry, write } of window.leftFor(`${name} `)) this.box.send(',
    ),
    law: { file: 'test/server/receipt.test.ts', name: 'who comes back under the name is told again, and nobody else is' },
  },
  {
    name: 'own: what rests on a row goes before it',
    breaks: 'of a row that is not made, an earlier state is shown that nobody asked for',
    edits: one(
      'client/writes.ts',
      '      this.#refuse(pending, outcome);\n      this.#own?.answered(pending);\n',
      '      this.#own?.answered(pending);\n      this.#refuse(pending, outcome);\n',
    ),
    law: overlay('and is refused takes what was asked of it along, and is never there without that'),
  },
  {
    name: 'own: what rests on a row is sent',
    breaks: 'of a row that is not made, the second thing that was asked goes out: it is said to be refused, and may be done',
    edits: one(
      'client/own-writes.ts',
      '    const name = nameOf(stream, pk);\n    if (key !== null) {',
      '    const name = nameOf(stream, pk);\n    this.#making.delete(name);\n    if (key !== null) {',
    ),
    law: overlay('and is refused: nothing that was asked of it is ever sent, what else waited is'),
  },
  {
    name: 'own: edits gathered whatever they are of',
    breaks: 'what is typed into one row is written to another',
    edits: one('client/own-writes.ts', ' || !isOf(last.says as Body, nameOf(body.stream, body.pk as Key))', ''),
    law: overlay('of several rows are a write each, and so are those with something else between them'),
  },
  {
    name: 'own: of gathered edits the last one',
    breaks: 'what was typed first is shown for ever',
    edits: one('client/own-writes.ts', 'last.laid = [...last.laid, laid];', 'last.laid = [laid];'),
    law: overlay('of one row are one write, where that is asked for'),
  },
  {
    name: 'own: views that are never let go',
    breaks: 'a page that is open for long holds every view that it ever looked at',
    edits: one(
      'client/subscriptions.ts',
      '    for (const [name, each] of this.#all) if (each === view) this.#all.delete(name);\n',
      '    view.lingers?.cancel();\n',
    ),
    law: { file: 'test/client/memory.test.ts', name: 'a thousand views that were looked at, written into and left leave nothing' },
  },
  {
    name: 'own: kept for whoever comes',
    breaks: 'what one user wrote without a connection is sent as another',
    edits: one('client/keeping.ts', '    return this.#whose === user;\n', '    return true;\n'),
    law: { file: 'test/client/offline.test.ts', name: 'sends nothing where the server says that it is somebody else, and forgets it' },
  },
];
