import { heldInHalf } from './held.ts';

heldInHalf(0);
