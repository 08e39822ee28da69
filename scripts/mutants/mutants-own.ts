import { one, type Mutant } from './mutant.ts';

const law = {
  file: 'test/client/own-writes.test.ts',
  name: 'all that is ever shown is the table with the page’s own writes on top, whatever is refused, lost and said again; and each is done once',
};

/** A page's own writes, from the moment they are made until the rows have them. */
export const OF_OWN_WRITES: readonly Mutant[] = [
  {
    name: 'own: gone at the answer',
    breaks: 'a write is not shown between its answer and the commit that has it',
    edits: one(
      'client/rowcast-client.ts',
      'else if (position !== null) this.#overlay?.settle(pending, position);',
      "else this.#overlay?.settle(pending, '');",
    ),
    law,
  },
  {
    name: 'own: there after it is refused',
    breaks: 'what was refused is shown for ever',
    edits: one(
      'client/rowcast-client.ts',
      "      this.#overlay?.hide(pending);\n      this.#events.emit('refused'",
      "      this.#events.emit('refused'",
    ),
    law,
  },
  {
    name: 'own: not laid on what comes',
    breaks: 'what others make of a row hides what this page wrote to it',
    edits: one(
      'client/collection.ts',
      '    if (this.#ops.has(key)) this.#fold(key);\n',
      '    if (this.#ops.has(key) && entry === null) this.#fold(key);\n',
    ),
    law,
  },
  {
    name: 'own: a made row keeps its first key',
    breaks: 'a row that was made is there twice, and what is written to it is not shown',
    edits: one('client/queue.ts', '    if (key !== null) this.#parts.keyed(row, key);\n', ''),
    law,
  },
  {
    name: 'own: rows before the answers that were lost',
    breaks: 'rows come before it is known that they are those which this page makes: they are there twice',
    edits: one(
      'client/queue.ts',
      'this.#waiting.some(({ again, laid }) => again && laid.some(({ op }) => op.creates))',
      'this.#waiting.length > 1_000',
    ),
    law,
  },
  {
    name: 'own: nobody knows what was sent',
    breaks: 'what is sent again is taken for new: rows that it made come before its answer',
    edits: one('client/queue.ts', '      each.again ||= each.sent;\n', ''),
    law,
  },
  {
    name: 'own: gone with the first of what was missed',
    breaks: 'what was done shows no more as soon as anything comes again, before the commit that has it',
    edits: one('client/collection.ts', "(now || op.position !== '')", 'now !== null'),
    law: {
      file: 'src/client/overlay.test.ts',
      name: 'whose answer came without a position, before the connection was lost, stays until all that was missed is here',
    },
  },
  {
    name: 'own: gone with the connection',
    breaks: 'what was done goes when the connection does, and is back with the next',
    edits: one(
      'client/rowcast-client.ts',
      '      this.#subscriptions.lost(status);\n      this.#queue.lost();\n',
      '      this.#queue.lost();\n      this.#subscriptions.lost(status);\n',
    ),
    law,
  },
  {
    name: 'own: a receipt that nobody hears',
    breaks: 'what the app has done is shown beside what it did',
    edits: one('client/rowcast-client.ts', '        return this.#queue.seen(frame.id, frame.client, frame.position);', '        return;'),
    law,
  },
  {
    name: 'own: a receipt that is said once',
    breaks: 'what the app did while there was no connection is shown beside what it did',
    edits: one(
      'server/session.ts',
      '    for (const { entry, write } of window.leftFor(name)) this.box.send(',
      '    for (const { entry, write } of window.leftFor(`${name} `)) this.box.send(',
    ),
    law,
  },
  {
    name: 'own: what rests on a row goes before it',
    breaks: 'of a row that is not made, an earlier state is shown that nobody asked for',
    edits: [
      ...one('client/queue.ts', '    else this.#parts.settled(pending);\n', ''),
      ...one('client/queue.ts', '    if (outcome.ok) this.#parts.settled(pending);\n', '    this.#parts.settled(pending);\n'),
    ],
    law,
  },
  {
    name: 'own: edits gathered whatever they are of',
    breaks: 'what is typed into one row is written to another',
    edits: one('client/queue.ts', 'nameOf({ stream: write.stream, pk: write.pk as Key }) === nameOf(row)', 'row !== null'),
    law,
  },
  {
    name: 'own: of gathered edits the last one',
    breaks: 'what was typed first is shown for ever',
    edits: one('client/queue.ts', 'if (laid) this.laid = [...this.laid, laid];', 'if (laid) this.laid = [laid];'),
    law,
  },
];
