import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, groupBy } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { follow } from './following.ts';

const bound = sqliteTable('bound', { id: integer().primaryKey(), team: integer(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(bound), { fields: '__all__', groupNames: groupBy('team') });

follow(binding, ({ at }) => sqlite(at));
