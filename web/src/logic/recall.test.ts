import { expect, test } from 'vitest';

import { changes, taken, wishOf, type Wish } from './recall';

const NOW: Wish = {
  prompt: 'a cat',
  negative: '',
  width: 256,
  height: 256,
  steps: 8,
  guidance: 0,
  seed: '5',
  rng: 'torch-cpu',
  loras: [],
};

const MADE = wishOf({ prompt: 'an owl', width: 512, height: 256, steps: 12, guidance: 0, seed: '77', rng: 'torch-cpu' });

test('all takes everything, remix all but the seed, which it lets go', () => {
  expect({ ...NOW, ...taken(MADE, 'all') }).toEqual({ ...NOW, prompt: 'an owl', width: 512, steps: 12, seed: '77' });
  expect({ ...NOW, ...taken(MADE, 'remix') }).toEqual({ ...NOW, prompt: 'an owl', width: 512, steps: 12, seed: '' });
});

test('one part takes only that', () => {
  expect(taken(MADE, 'seed')).toEqual({ seed: '77', rng: 'torch-cpu' });
  expect(taken(MADE, 'size')).toEqual({ width: 512, height: 256 });
  expect(taken(MADE, 'prompt')).toEqual({ prompt: 'an owl', negative: '' });
});

test('what a recipe does not tell is not taken', () => {
  expect(taken(wishOf({ prompt: 'an owl', width: null, seed: null }), 'all')).toEqual({ prompt: 'an owl', negative: '', loras: [] });
});

test('steps that another client left to the prompt are not taken', () => {
  expect(wishOf({ prompt: 'an owl', steps: 'auto' })).not.toHaveProperty('steps');
});

test('the difference lists what changes, width and height as one line', () => {
  expect(changes(NOW, MADE)).toEqual([
    { field: 'prompt', before: 'a cat', after: 'an owl' },
    { field: 'size', before: '256 × 256', after: '512 × 256' },
    { field: 'steps', before: '8', after: '12' },
    { field: 'seed', before: '5', after: '77' },
  ]);
  expect(changes(NOW, NOW)).toEqual([]);
});
