import { expect, test } from 'vitest';

import { readParameters } from './parameters';

test('what zao itself writes is read back', () => {
  const text = 'a red apple\non a table\nNegative prompt: blurry\nSteps: 8, Sampler: Euler, CFG scale: 1.5, Seed: 42, Size: 256x384, RNG: CPU';
  expect(readParameters(text)).toEqual({
    prompt: 'a red apple\non a table',
    negative_prompt: 'blurry',
    steps: 8,
    guidance: 0.5,
    seed: '42',
    width: 256,
    height: 384,
    rng: 'torch-cpu',
  });
});

test('guidance is one less than their scale, and never below off', () => {
  expect(readParameters('a\nSteps: 4, CFG scale: 1, Seed: 1')?.guidance).toBe(0);
  expect(readParameters('a\nSteps: 4, CFG scale: 0, Seed: 1')?.guidance).toBe(0);
  expect(readParameters('a\nSteps: 4, CFG scale: 7, Seed: 1')?.guidance).toBe(6);
});

test('quoted values may hold commas, and unknown settings are passed over', () => {
  const text = 'a\nSteps: 20, Lora hashes: "ink: 12, wash: 34", Seed: 18446744073709551615, Model hash: abc';
  expect(readParameters(text)).toEqual({ prompt: 'a', steps: 20, seed: '18446744073709551615' });
});

test('seeds that are none, like -1, are left out', () => {
  expect(readParameters('a\nSteps: 20, Seed: -1, Size: 512x512')).toEqual({ prompt: 'a', steps: 20, width: 512, height: 512 });
});

test('ordinary prompts are not taken for parameters', () => {
  expect(readParameters('a staircase. Steps: many, worn')).toBeNull();
  expect(readParameters('a cat\nSeed: 4')).toBeNull();
  expect(readParameters('')).toBeNull();
});
