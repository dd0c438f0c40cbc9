// How far a job is, as one number and as strokes of a character. It does NOT keep time.

import type { Progress, StageName } from '../api/types';

// Where in the whole each stage begins. Reading the words is the first stroke of ten, eight steps are
// the next eight, making the pixels is the last: 造 has ten.
const BEGINS: Record<StageName, number> = { load: 0, encode: 0.02, text: 0.04, denoise: 0.1, decode: 0.92 };

export const STROKES = 10;

/** The progress at a stage, and at a step of it. */
export function progressAt(stage: StageName, step: number, steps: number): Progress {
  const within = stage === 'denoise' && steps > 0 ? (0.8 * step) / steps : 0;
  return { stage, step, steps, fraction: BEGINS[stage] + within };
}

/** How much of stroke `index` (from 0) is written at `fraction` of the whole: 0 to 1. */
export function written(index: number, fraction: number): number {
  // A rounding error must not become a dot at the beginning of the next stroke.
  return Math.min(1, Math.max(0, Math.round((fraction * STROKES - index) * 1e6) / 1e6));
}
