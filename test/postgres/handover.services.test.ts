import { describe } from 'vitest';
import { handoverLaws, triggerHandoverLaws } from './handover-laws.ts';

describe('rows read from Postgres 15, joined to its log', () => {
  handoverLaws(15);
});

describe('rows read from Postgres 15, joined to a journal that triggers write', () => {
  triggerHandoverLaws(15);
});
