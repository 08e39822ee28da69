import { prepare, read } from '../references/capture.ts';
import { answer } from '../process.ts';

let url = '';

answer({
  async prepare(given: { url: string }) {
    url = given.url;
    await prepare(url);
  },
  async catchUp({ rows }: { rows: number }) {
    const cpu = process.cpuUsage();
    const begin = process.hrtime.bigint();
    await read(url, rows);
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    return { rowsPerSecond: rows / seconds, usPerRow: (user + system) / rows };
  },
});
