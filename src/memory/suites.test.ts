import { describe, test } from 'vitest';
import { memoryFixture } from '../../test/testing/memory-fixture.ts';
import { storeSuite, type Skip } from '../testing/index.ts';

const SKIPS: readonly Skip[] = [
  {
    reason: 'there is no SQL, and so nothing that a hook, a call or somebody else could write with',
    tests: [
      "a hook's work is in the same commit as the receipt",
      'a create hook answers with the key it gives',
      'a hook that throws undoes all that it did, and leaves no answer behind',
      'a hook that breaks a constraint is answered like a write that does',
      'the row that is written over is the row that was judged, whoever changes it meanwhile',
      'what a hook did in a batch is undone with the rest',
      'a hook in a batch that breaks a constraint is answered like a write that does, with its place',
      "a call's work is in the same commit as its receipt",
      'a call is judged outside its transaction: the judge may ask the database',
      'a call that throws undoes all that it did, and leaves no answer behind',
      'a call that breaks a constraint is invalid, without the words of the database, and all that it did is undone',
      'what was done before a refusal is undone with the rest',
    ],
  },
  {
    reason: 'it has no constraints but its keys and what must have a value',
    tests: [
      'a unique value that is taken is invalid, and names the field',
      'a refusal names no field that the client may not know of',
      'a reference that leads nowhere is invalid, and names the field',
      'a rule of the table that is broken is invalid, without the words of the database',
      'a refusal by the database is stored like any other',
      'a rule that waits for the commit is asked when all of a batch is written, and refuses all of it',
    ],
  },
  {
    reason: 'nothing outlives the process, or is shared with another',
    tests: ['a stored answer outlives a restart', 'a write that two processes are asked for at once is applied once'],
  },
  {
    reason: 'there are no transactions of the app’s own',
    tests: [
      'a receipt that the app leaves comes back once, in one commit with all that its transaction did',
      'a receipt in a transaction that is rolled back never comes',
      'a receipt cannot be left with what is no transaction, and the error names the cure',
    ],
  },
];

storeSuite(memoryFixture('memory', SKIPS), { describe, test });
