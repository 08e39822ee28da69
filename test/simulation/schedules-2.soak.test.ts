import { heldInHalf } from './held.ts';

heldInHalf(1);
