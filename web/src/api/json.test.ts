import { expect, test } from 'vitest';

import { parse, stringify } from './json';

test('seeds above 2^53 keep their digits, there and back', () => {
  const text = stringify({ prompt: 'a cat', seed: '18446744073709551615' });
  expect(text).toBe('{"prompt":"a cat","seed":18446744073709551615}');
  expect(parse(text)).toEqual({ prompt: 'a cat', seed: '18446744073709551615' });
});

test('lists of seeds are read as digits, other numbers as numbers', () => {
  expect(parse('{"seeds": [7, 18446744073709551615], "steps": 8, "seed": null}')).toEqual({
    seeds: ['7', '18446744073709551615'],
    steps: 8,
    seed: null,
  });
  expect(parse('{"seeds": []}')).toEqual({ seeds: [] });
});

test('a prompt that looks like JSON is left alone', () => {
  const prompt = '"seed": 12, "seeds": [1]';
  expect(parse(JSON.stringify({ prompt, seed: 3 }))).toEqual({ prompt, seed: '3' });
});

test('a request without a seed has none', () => {
  expect(stringify({})).toBe('{}');
  expect(stringify({ seed: '5' })).toBe('{"seed":5}');
});
