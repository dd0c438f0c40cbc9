// JSON whose seeds keep all their digits. It does NOT know what else is in there.

import type { Seed } from './types';

// Inside of a JSON text a quote is written \", so `"seed":` can only be a key.
const SEED = /("seed"\s*:\s*)(\d+)/g;
const SEEDS = /("seeds"\s*:\s*\[)([\d\s,]*)(\])/g;

/** Reads JSON; each `seed` and the items of each `seeds` come as decimal digits. */
export function parse(text: string): unknown {
  return JSON.parse(
    text
      .replace(SEED, '$1"$2"')
      .replace(SEEDS, (_, open: string, items: string, close: string) => open + items.replace(/\d+/g, '"$&"') + close),
  );
}

/** Writes an object as JSON; a seed of decimal digits is written as a number. */
export function stringify<Body extends { seed?: Seed | null }>(body: Body): string {
  const { seed, ...rest } = body;
  const text = JSON.stringify(rest);
  if (seed === undefined || seed === null) return text;
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"seed":${BigInt(seed)}}`;
}
