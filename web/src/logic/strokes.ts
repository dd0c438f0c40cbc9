// 造, "to make", as ten strokes in the order in which they are written. It does NOT move them.

/** Side of the square in which they lie. */
export const MARK_SIDE = 100;

export const STROKE_PATHS = [
  'M48 9 L38 27',
  'M43.5 21 H86',
  'M65 7 V39',
  'M33 39 H95',
  'M44 52 V73',
  'M44 52 H86 V73',
  'M44 71 H86',
  'M11 13 L20 24',
  'M5 41 H20 V68 Q20 76 7 86',
  'M19 74 Q29 89 52 89 H96',
] as const;
