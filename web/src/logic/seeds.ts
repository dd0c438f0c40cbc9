// Seeds as decimal digits. It does NOT choose when one is needed: an empty one lets the server choose.

import type { Seed } from '../api/types';

export const LARGEST_SEED = 2n ** 64n - 1n;

/** A seed that is short enough to be read aloud. */
export function anySeed(): Seed {
  const numbers = crypto.getRandomValues(new Uint32Array(1));
  return String(numbers[0] ?? 0);
}

/** Whether a text is a seed; the empty text is none. */
export function isSeed(text: string): boolean {
  return /^\d{1,20}$/.test(text) && BigInt(text) <= LARGEST_SEED;
}
