import { styleText } from 'node:util';
import type { Finding } from '../core/index.ts';
import { boundOf, type RowcastOptions } from '../main/index.ts';

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const;

/**
 * Prints what following the database needs, and what a fleet needs of its broker, and how that stands, changing nothing. Gives the exit code: 1
 * when something does not work.
 */
export async function doctor({ source, bindings, broker }: RowcastOptions, { json }: { readonly json: boolean }): Promise<number> {
  const own = (await source.examine?.(boundOf(bindings))) ?? [];
  const shared = (await broker?.examine()) ?? [];
  const findings = [...own, ...shared];
  if (json) console.log(JSON.stringify(findings, null, 2));
  else {
    print(own, (sql) => sql.trim().replace(/;?$/, ';'));
    print(shared, (command) => command);
    summarize([source.name, ...(broker ? [broker.name] : [])].join(' and '), findings);
  }
  return findings.some(({ level }) => level === 'error') ? 1 : 0;
}

function print(findings: readonly Finding[], cured: (cure: string) => string): void {
  for (const { about, level, message, cure } of findings) {
    if (level === 'ok') continue;
    console.log(`${styleText(COLOURS[level], level)} ${styleText('bold', about)}: ${message}`);
    for (const each of cure) console.log(`  ${cured(each)}`);
    console.log('');
  }
}

function summarize(name: string, findings: readonly Finding[]): void {
  if (findings.length === 0) console.log(`${name}: there is nothing to look at`);
  else console.log(`${name}: ${(['ok', 'warning', 'error'] as const).map((level) => counted(findings, level)).join(', ')}`);
}

function counted(findings: readonly Finding[], level: Finding['level']): string {
  const count = findings.filter((finding) => finding.level === level).length;
  const text = `${count} ${level}${level === 'ok' || count === 1 ? '' : 's'}`;
  return count > 0 ? styleText(COLOURS[level], text) : text;
}
