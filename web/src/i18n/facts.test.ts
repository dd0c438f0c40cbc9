import { expect, test } from 'vitest';

import type { Image, Recipe } from '../api/types';
import { en } from './en';
import { facts, furtherFacts } from './facts';
import { zh } from './zh';

const IMAGE = { width: 1024, height: 768, seed: '18446744073709551615', bytes: 1_234_567, created_at: 1_767_225_603 } as Image;
const RECIPE = {
  steps: 8,
  guidance: 0,
  model: { name: 'z-image-turbo', fingerprint: '5b1f0a77c2d94e13' },
  precision: 'bf16',
  device: 'NVIDIA H100',
  rng: 'torch-cpu',
  shift: 3,
  zao_version: '0.1.0',
} as Recipe;
const TIMING = { queue_seconds: 0.2, inference_seconds: 12.4, total_seconds: 12.6 };

test('what one looks for comes first, and what is not known is left out', () => {
  const told = Object.fromEntries(facts(IMAGE, RECIPE, TIMING, en, 'en-GB'));
  expect(told).toMatchObject({ Size: '1024 × 768', Seed: '18446744073709551615', Steps: '8', Model: 'z-image-turbo', Took: '12 s' });
  expect(told).not.toHaveProperty('Guidance');
  expect(facts(IMAGE, null, null, en, 'en-GB').map(([name]) => name)).toEqual(['Size', 'Seed', 'Made']);
});

test('what was used is told, and how long it had to wait', () => {
  const recipe = { ...RECIPE, guidance: 2.5, negative_prompt: 'people', loras: [{ name: 'ink', scale: 0.8, sha256: 'f' }] } as Recipe;
  const told = Object.fromEntries(facts(IMAGE, recipe, { ...TIMING, queue_seconds: 61 }, zh, 'zh-CN'));
  expect(told).toMatchObject({ 引导: '2.5', 不要出现: 'people', 风格: 'ink 0.8', 用时: '12 秒，此前排队 61 秒' });
});

test('everything else is one press away', () => {
  expect(furtherFacts(IMAGE, RECIPE, en)).toEqual([
    ['Precision', 'bf16'],
    ['Device', 'NVIDIA H100'],
    ['Noise', 'torch-cpu'],
    ['Shift', '3'],
    ['Weights', '5b1f0a77c2d94e13'],
    ['Version', 'zao 0.1.0'],
    ['File', 'PNG, 1.2 MB'],
  ]);
});
