import { expect, test } from 'vitest';

import type { Finding } from '../api/prompt';
import { carried, mended, place, stands, stretches } from './spans';

/** A finding about the `nth` occurrence of a text. */
function about(prompt: string, text: string, replacement: string | null, nth = 1): Finding {
  let at = -1;
  for (let times = 0; times < nth; times++) at = prompt.indexOf(text, at + 1);
  const start = Array.from(prompt.slice(0, at)).length;
  const span = { start, end: start + Array.from(text).length };
  return { code: 'intensifier', severity: 'hint', span, text, message: '', replacement, note: null };
}

test('places are counted in code points, and found in UTF-16', () => {
  const text = '🦊🦊 a very red 狐狸';
  expect(place(text, { start: 0, end: 1 })).toEqual({ from: 0, to: 2 });
  expect(place(text, { start: 5, end: 9 })).toEqual({ from: 7, to: 11 });
  expect(place(text, { start: 14, end: 16 })).toEqual({ from: 16, to: 18 });
  expect(place(text, { start: 40, end: 44 })).toEqual({ from: 18, to: 18 });
  expect(place('', { start: 0, end: 3 })).toEqual({ from: 0, to: 0 });
});

test('a finding stands as long as its words are where it saw them', () => {
  const finding = about('a very red fox', 'very', '');
  expect(stands('a very red fox', finding)).toBe(true);
  expect(stands('the very red fox', finding)).toBe(false);
  expect(stands('a', finding)).toBe(false);
});

test('stretches put together are the text, and overlapping findings get one place', () => {
  const text = 'very very old 🦉, 8k';
  const both = about(text, 'very very', 'very');
  const second = about(text, 'very', '', 2);
  const tag = about(text, '8k', null);
  const found = stretches(text, [tag, second, both]);
  expect(found.map((stretch) => stretch.text).join('')).toBe(text);
  expect(found.filter((stretch) => stretch.finding).map((stretch) => stretch.text)).toEqual(['very very', '8k']);
});

test('what is mended reads as if it had been written so', () => {
  const mend = (text: string, words: string, replacement: string) => mended(text, [about(text, words, replacement)]);
  expect(mend('a very red fox', 'very', '')).toBe('a red fox');
  expect(mend('very red fox', 'very', '')).toBe('red fox');
  expect(mend('a fox, really, really red', ', really', '')).toBe('a fox, really red');
  expect(mend('a red fox, so nice, dusk', 'so nice', 'at dawn')).toBe('a red fox, at dawn, dusk');
  expect(mend('a fox that is old really.', 'really', '')).toBe('a fox that is old.');
  expect(mend('一只非常红的狐狸', '非常', '')).toBe('一只红的狐狸');
  expect(mend('她戴着发簪', '发簪', '发簪(fà zān)')).toBe('她戴着发簪(fà zān)');
});

test('several replacements are made at once, and only those that there are', () => {
  const text = 'a very very old owl，really';
  const findings = [about(text, '，', ', '), about(text, 'very very', ''), about(text, 'really', ''), about(text, 'owl', null)];
  expect(mended(text, findings)).toBe('a old owl,');
  expect(mended(text, [])).toBe(text);
});

test('while somebody types, findings keep to their words', () => {
  const before = '🦊 very red, really old';
  const findings = [about(before, 'very', ''), about(before, 'really', '')];
  const words = (after: string) => {
    const kept = carried(before, after, findings);
    expect(kept.every((finding) => stands(after, finding))).toBe(true);
    return kept.map((finding) => finding.text);
  };
  expect(words(before)).toEqual(['very', 'really']);
  expect(words('🦊 very red, 🐺 and really old')).toEqual(['very', 'really']);
  expect(words('a 🦊 very red, really old')).toEqual(['very', 'really']);
  expect(words('🦊 red, really old')).toEqual(['really']);
  expect(words('🦊 very red')).toEqual(['very']);
  expect(words('')).toEqual([]);
});
