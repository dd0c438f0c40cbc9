// Pictures in rows that are as wide as there is room, none of them cut: each row has the height at which its
// pictures fill it. It does NOT know what is in them.

/** Where the edges of a picture lie, in pixels. */
export interface Box {
  width: number;
  height: number;
}

/**
 * The boxes of pictures of these `ratios` (width by height) in rows of about `height`, `gap` apart, `room` wide. The last row, which
 * may be short, is as high as wanted.
 */
export function lay(ratios: readonly number[], room: number, height: number, gap: number): Box[] {
  const boxes: Box[] = [];
  let row: number[] = [];
  // At which height a row fills the room.
  const filling = (some: readonly number[]) => (room - gap * (some.length - 1)) / some.reduce((sum, ratio) => sum + ratio, 0);
  const hang = (some: readonly number[], high: number) => {
    // Rounded down, so that a row never breaks over a thousandth of a pixel.
    for (const ratio of some) boxes.push({ width: Math.floor(ratio * high * 100) / 100, height: Math.floor(high * 100) / 100 });
  };
  for (const ratio of ratios) {
    const longer = [...row, ratio];
    const [with_, without] = [filling(longer), row.length > 0 ? filling(row) : Infinity];
    if (with_ > height) {
      row = longer;
    } else if (height / with_ <= without / height) {
      hang(longer, with_);
      row = [];
    } else {
      hang(row, without);
      row = [ratio];
    }
  }
  hang(row, Math.min(height, filling(row)));
  return boxes;
}
