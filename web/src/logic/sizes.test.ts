import { expect, test } from 'vitest';

import { OFFERED, ratioOf, sides, sizeOf, sizeOfShape, turned, wrongSide } from './sizes';

const BOUNDS = { size_multiple: 16, min_side: 16, max_width: 2048, max_height: 2048, max_pixels: 2048 * 2048 };

test('every ratio of every tier is drawable, near its area and near its shape', () => {
  for (const side of [256, 768, 1024, 1280]) {
    for (const ratio of OFFERED) {
      const { width, height } = sizeOf(side * side, ratio, BOUNDS);
      const [across, down] = sides(ratio);
      const what = `${ratio} of ${side}: ${width}x${height}`;
      expect([width % 16, height % 16], what).toEqual([0, 0]);
      expect(Math.abs(Math.log(width / height / (across / down))), what).toBeLessThan(0.05);
      expect(Math.abs(Math.log((width * height) / side ** 2)), what).toBeLessThan(0.13);
      expect(ratioOf({ width, height }), what).toBe(ratio);
    }
  }
});

test('squares are the tiers themselves', () => {
  expect(sizeOf(1024 * 1024, '1:1', BOUNDS)).toEqual({ width: 1024, height: 1024 });
  expect(sizeOf(256 * 256, '1:1', BOUNDS)).toEqual({ width: 256, height: 256 });
});

test('what is allowed is never exceeded, and the shape is kept where a side would be too long', () => {
  const narrow = { ...BOUNDS, max_width: 1024, max_height: 1024, max_pixels: 1024 * 1024 };
  for (const ratio of OFFERED) {
    const { width, height } = sizeOf(1280 * 1280, ratio, narrow);
    expect(Math.max(width, height)).toBeLessThanOrEqual(1024);
    expect(width * height).toBeLessThanOrEqual(narrow.max_pixels);
  }
  expect(sizeOf(1280 * 1280, '16:9', narrow)).toEqual({ width: 1024, height: 576 });
});

test('any shape finds a size, also one that nobody would draw', () => {
  expect(sizeOfShape(256 * 256, 640 / 427, BOUNDS)).toEqual({ width: 320, height: 208 });
  for (const shape of [1e-4, 1e4]) {
    const { width, height } = sizeOfShape(1024 * 1024, shape, BOUNDS);
    expect([width % 16, height % 16, Math.min(width, height), Math.max(width, height)]).toEqual([0, 0, 16, 2048]);
  }
});

test('a turned ratio stands where the other one lies', () => {
  expect(turned('16:9')).toBe('9:16');
  expect(turned('1:1')).toBe('1:1');
});

test('a side that does not work has neighbours that do', () => {
  expect(wrongSide(1024, 2048, BOUNDS)).toBeNull();
  expect(wrongSide(1000, 2048, BOUNDS)).toEqual({ lower: 992, upper: 1008 });
  expect(wrongSide(5000, 2048, BOUNDS)).toEqual({ lower: 2048, upper: 2048 });
  expect(wrongSide(Number.NaN, 2048, BOUNDS)).toEqual({ lower: 16, upper: 32 });
});
