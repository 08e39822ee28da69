import { describe } from 'vitest';
import { handoverLaws } from './handover-laws.ts';

describe('rows read from Postgres 15, joined to its log', () => {
  handoverLaws(15);
});
