import { styleText } from 'node:util';
import type { Finding } from '../core/index.ts';
import { boundOf, type RowcastOptions } from '../main/index.ts';

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const;

/** Prints what following the database needs and how that stands, changing nothing. Gives the exit code: 1 when something does not work. */
export async function doctor({ source, bindings }: RowcastOptions, { json }: { readonly json: boolean }): Promise<number> {
  const findings = (await source.examine?.(boundOf(bindings))) ?? [];
  if (json) console.log(JSON.stringify(findings, null, 2));
  else print(source.name, findings);
  return findings.some(({ level }) => level === 'error') ? 1 : 0;
}

function print(name: string, findings: readonly Finding[]): void {
  for (const { about, level, message, cure } of findings) {
    if (level === 'ok') continue;
    console.log(`${styleText(COLOURS[level], level)} ${styleText('bold', about)}: ${message}`);
    for (const sql of cure) console.log(`  ${sql.trim().replace(/;?$/, ';')}`);
    console.log('');
  }
  if (findings.length === 0) console.log(`${name}: there is nothing to look at`);
  else console.log(`${name}: ${(['ok', 'warning', 'error'] as const).map((level) => counted(findings, level)).join(', ')}`);
}

function counted(findings: readonly Finding[], level: Finding['level']): string {
  const count = findings.filter((finding) => finding.level === level).length;
  const text = `${count} ${level}${level === 'ok' || count === 1 ? '' : 's'}`;
  return count > 0 ? styleText(COLOURS[level], text) : text;
}
