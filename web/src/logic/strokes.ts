// 造, "to make", as ten strokes in the order in which they are written, and the brush that they are
// written with. It does NOT move them.

/** Side of the square in which they lie. */
export const MARK_SIDE = 100;

/** The way of the brush's middle along each stroke. */
export const STROKE_PATHS = [
  'M48 8Q46 18 38 27',
  'M44 21Q66 20 86 18',
  'M65 6V39',
  'M33 40Q64 38 95 37',
  'M45 53L47 75',
  'M45 54L85 51Q84 62 82 75',
  'M47 71L82 70',
  'M11 12Q17 16 21 23',
  'M5 43Q13 42 21 39Q12 54 14 58Q22 62 21 69Q19 78 7 87',
  'M7 86Q16 76 25 82Q38 92 56 92Q76 92 96 88',
] as const;

const HAIRS = 7;

/**
 * Where the hairs of a flat brush touch the paper around its middle. It is held at a slant, so what goes across comes
 * out thinner than what goes down.
 */
export const BRUSH: readonly (readonly [number, number])[] = Array.from({ length: HAIRS }, (_, hair) => {
  const along = (hair / (HAIRS - 1)) * 2 - 1;
  return [along * 2.6, along * -1.6];
});
