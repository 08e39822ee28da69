import { describe } from 'vitest';
import { handoverLaws, triggerHandoverLaws } from './handover-laws.ts';

describe('rows read from Postgres 18, joined to its log', () => {
  handoverLaws(18);
});

describe('rows read from Postgres 18, joined to a journal that triggers write', () => {
  triggerHandoverLaws(18);
});
