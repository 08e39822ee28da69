// Another process with the file open: one JSON request a line on stdin, one answer a line on stdout.
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';

const client = new DatabaseSync(process.argv[2], { timeout: 10_000 });

for await (const line of createInterface({ input: process.stdin })) {
  const { sql, all } = JSON.parse(line);
  try {
    const rows = all ? client.prepare(sql).all() : client.exec(sql);
    console.log(JSON.stringify({ rows: rows ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
client.close();
