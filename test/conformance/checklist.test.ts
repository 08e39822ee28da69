import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

// What the original could do, and where it is held here (31, the kinds of values, is held beside each database; 54, delayed messages, is a timer of
// the app's own): `file: a part of the test's name`. A row whose test is renamed or removed fails.
const CHECKLIST: Readonly<Record<string, readonly string[]>> = {
  '1 a binding for each model': ['seed: a binding with neither fields nor exclude is refused where it is declared'],
  '2 several bindings for one model': ['seed: several bindings of one model each tell their own stream, once'],
  '3 fields, exclude, all': [
    'seed: exclude gives everything',
    'seed: one update has them all',
    'faults: a column outside fields is in no byte',
  ],
  '4 a stream name for each binding': ['live: an endpoint declared wrongly is refused', 'consumers: several endpoints on one server'],
  '5 group_names': ['live: a viewer in several groups of a row hears of it once'],
  '6 create, update, delete from the change of groups': ['faults: a row moved by', 'faults: a row that leaves every group'],
  '7 one commit, in order': ['faults: one commit over several rows and streams is one frame'],
  '8 a leave carries no data': ['faults: a row moved by', 'channels-client: a row that merely left'],
  '9 once for each connection': ['live: a viewer in several groups of a row hears of it once'],
  '10 serialize, encode': ['writes: serialize decides what goes out', 'consumers: decode is between the wire and receive'],
  '11 suppressed by an empty payload': ['writes: serialize decides what goes out, and null is in no group'],
  '12 computed members of the row': ['writes: serialize decides what goes out'],
  '14 an update that changes nothing': ['seed: an update that changes nothing a viewer has'],
  '15 inbound create, update, delete': [
    'seed: an inbound create makes',
    'seed: an inbound update changes',
    'seed: an inbound delete removes',
  ],
  '16 has_permission': ['permissions: every action on every row comes out as the model says'],
  '17 refusals': ['channels-client: refusals, nonsense and messages', 'bad-input: $group: $name'],
  '19 validation': ['writes: stamp wins over what was sent, and validators refuse by field'],
  '25 after commit, in order, nothing for a rollback': [
    'faults: a transaction that is rolled back',
    'faults: nothing goes out before the commit',
  ],
  '26 bulk, raw SQL, other writers': ['seed: one statement over many rows', 'faults: a row moved by'],
  '27 many-to-many': ['seed: rows that stand in for a many-to-many relation'],
  '28 cascades': ['seed: a cascade deletes what it deletes'],
  '30 kinds of keys': ['seed: a UUID key goes out as its string', 'seed: a changed key is a delete'],
  '32 rows loaded past the ORM': ['seed: a created row is one create with the model'],
  '33 the envelope': ['seed: a created row is one create with the model'],
  '34 the demultiplexer': ['consumers: connect, receive and disconnect reach their functions', 'channels-client: demultiplexes, creates'],
  '35 frames of one’s own': ['consumers: a group has who was added'],
  '36 un-enveloped frames': ['channels-client: what has no stream reaches the default listener alone'],
  '37 encode and decode': ['consumers: decode is between the wire and receive'],
  '38 captures of the path': ['consumers: connect, receive and disconnect reach their functions with the path'],
  '39 refused handshakes, close codes': [
    'consumers: who is refused has no socket',
    'consumers: a consumer cannot close with',
    'door: a refused handshake is plain HTTP',
  ],
  '40 overload': ['limits: connections: as many as allowed, one more is 503', 'door: a client that does not read holds up nobody'],
  '41 ping and age': ['limits: a silent socket is pinged', 'limits: a connection as old as it may be'],
  '42 origins': ['door: %s'],
  '45 several bindings, other fields': ['seed: several bindings of one model each tell their own stream, once'],
  '46 state of a connection': ['consumers: and a state of the connection'],
  '47 strict order': ['consumers: frames of one socket are worked on in the order they came', 'limits: while one frame is worked on'],
  '48 groups': ['consumers: a group has who was added', 'consumers: messages of one sender arrive in the order'],
  '52 made once': ['tick: what a thousand sessions get alike is made once', 'tick: every session gets the bytes'],
  '53 atomic consumers': ['consumers: a consumer that throws has sent nothing'],
  '55 routing': ['door: %s is not', 'consumers: several endpoints on one server'],
  '56 a test kit': ['live: live.as is held to the same checks', 'live: after settled'],
  '57 the JavaScript client': ['channels-client: demultiplexes, creates, updates and deletes', 'channels-client: connects, demultiplexes'],
  '58 reconnect': ['channels-client: comes back by itself when the server drops it'],
  '62 limits': ['limits: a frame of %i bytes', 'limits: a socket that sends faster than the rate'],
};

test.each(Object.entries(CHECKLIST))('%s is held by a test', async (_row, tests) => {
  const folders = ['.', '../server', '../../src/server/fan-out'].map((folder) => new URL(`${folder}/`, import.meta.url));
  for (const each of tests) {
    const [file, name] = [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 2)];
    const places = await Promise.all(
      folders.map(async (folder) => ((await readdir(folder)).includes(`${file}.test.ts`) ? new URL(`${file}.test.ts`, folder) : null)),
    );
    const place = places.find((found) => found !== null);
    expect([each, place && (await readFile(place, 'utf8')).replaceAll(/\s+/g, ' ').includes(name)]).toEqual([each, true]);
  }
});
