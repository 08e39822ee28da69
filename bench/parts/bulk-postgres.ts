import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { bindingFor, groupBy } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { follow } from './following.ts';

const bound = pgTable('bound', { id: integer().primaryKey(), team: integer(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(bound), { fields: '__all__', groupNames: groupBy('team') });

follow(binding, ({ at, slot }) => postgres({ url: at, slot }));
