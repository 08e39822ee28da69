import type { Finding } from '../../core/index.ts';
import { leaseStanding } from '../setup/lease.ts';
import { ok, span, warning } from './finding.ts';
import type { Sql } from '../connection/sql.ts';

/** Who reads the log for all, where several processes share a broker; nothing where none ever did. */
export async function leaseFindings(sql: Sql): Promise<readonly Finding[]> {
  const standing = await leaseStanding(sql);
  if (!standing) return [];
  const { holder, term, left } = standing;
  if (holder === null) return [ok('lease', `nobody reads for all: it was given back after term ${term}`)];
  if (left > 0) return [ok('lease', `${holder} reads for all, under term ${term}, for ${span(left)} more unless it goes on`)];
  return [
    warning(
      'lease',
      `${holder} led under term ${term}, has not said so for ${span(-left)}, and nobody has followed it: no process that has a broker reaches this ` +
        'database. Start one, or look at the log of those that run',
    ),
  ];
}
