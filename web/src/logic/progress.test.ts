import { expect, test } from 'vitest';

import { progressAt, STROKES, written } from './progress';
import { STROKE_PATHS } from './strokes';

test('there is a path for each stroke', () => {
  expect(STROKE_PATHS).toHaveLength(STROKES);
});

test('the words are the first stroke, each of eight steps one more, the pixels the last', () => {
  const strokes = (fraction: number) => STROKE_PATHS.filter((_, index) => written(index, fraction) >= 0.999).length;
  expect(strokes(progressAt('text', 0, 8).fraction)).toBe(0);
  for (let step = 0; step <= 8; step++) expect(strokes(progressAt('denoise', step, 8).fraction)).toBe(1 + step);
  expect(strokes(progressAt('decode', 8, 8).fraction)).toBe(9);
  expect(strokes(1)).toBe(10);
});

test('a stroke whose turn has not come has not begun, not even by a rounding error', () => {
  for (let step = 0; step <= 8; step++) expect(written(1 + step, progressAt('denoise', step, 8).fraction)).toBe(0);
});

test('progress never goes back from stage to stage', () => {
  const way = [progressAt('load', 0, 8), progressAt('encode', 0, 8), progressAt('text', 0, 8), progressAt('denoise', 0, 8), progressAt('denoise', 8, 8), progressAt('decode', 8, 8)];
  const fractions = way.map(({ fraction }) => fraction);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
});
