import { expect, test } from 'vitest';

import { lay, type Box } from './rows';

const GAP = 8;

/** The boxes, row by row, as a browser breaks them. */
function rows(boxes: Box[], room: number): Box[][] {
  const found: Box[][] = [];
  let used = Infinity;
  for (const box of boxes) {
    if (used + GAP + box.width > room) {
      found.push([]);
      used = -GAP;
    }
    used += GAP + box.width;
    found.at(-1)?.push(box);
  }
  return found;
}

test('rows fill the room, and no picture is cut', () => {
  const ratios = Array.from({ length: 61 }, (_, index) => [1, 1.5, 0.66, 16 / 9, 0.8, 21 / 9, 9 / 21][index % 7] ?? 1);
  for (const room of [358, 620, 976, 1600]) {
    const boxes = lay(ratios, room, 176, GAP);
    expect(boxes).toHaveLength(ratios.length);
    boxes.forEach(({ width, height }, index) => expect(width / height).toBeCloseTo(ratios[index] ?? 0, 1));
    const all = rows(boxes, room);
    for (const row of all.slice(0, -1)) {
      const width = row.reduce((sum, box) => sum + box.width, GAP * (row.length - 1));
      expect(room - width, `${room}`).toBeLessThan(0.5);
      expect(new Set(row.map(({ height }) => height)).size).toBe(1);
      expect(row[0]?.height).toBeGreaterThan(88);
      expect(row[0]?.height).toBeLessThan(352);
    }
  }
});

test('a short last row is as high as wanted, and one picture is never wider than the room', () => {
  expect(lay([1, 1], 1000, 176, GAP)).toEqual([
    { width: 176, height: 176 },
    { width: 176, height: 176 },
  ]);
  expect(lay([4], 360, 112, GAP)).toEqual([{ width: 360, height: 90 }]);
  expect(lay([], 360, 112, GAP)).toEqual([]);
});
