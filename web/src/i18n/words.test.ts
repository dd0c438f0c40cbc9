import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { Refused, Unreachable } from '../api/errors';
import { en, type Dictionary } from './en';
import { duration, explain, keeping, standing, wait } from './words';
import { zh } from './zh';

test('durations have the precision that one cares about', () => {
  expect([0.04, 0.75, 9.94, 12.6, 89, 100, 5400].map((seconds) => duration(seconds, en))).toEqual([
    '0.1 s',
    '0.8 s',
    '9.9 s',
    '13 s',
    '89 s',
    '2 min',
    '1.5 h',
  ]);
  expect(wait(0.2, en)).toBe('1 s');
  expect(wait(9.1, zh)).toBe('9 秒');
});

test('every error code has words in both languages, and unknown ones say what the server said', () => {
  for (const words of [en, zh] as Dictionary[]) {
    for (const code of Object.keys(en.errors)) {
      const text = explain(new Refused(400, { code, message: 'width 1000 is no multiple of 16', request_id: 'req_1' }), words);
      expect(text, code).toMatch(/\S/);
      expect(text, code).not.toMatch(/undefined|null|=>/);
    }
    expect(explain(new Refused(418, { code: 'teapot', message: 'I am a teapot.' }), words)).toContain('I am a teapot');
    expect(explain(new Unreachable(null), words)).toBe(words.errors.unreachable);
  }
});

test('every code that the server may send has words, and no word is for a code that it does not have', () => {
  const openapi = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'));
  const codes: string[] = openapi.components.schemas.Code.enum;
  // These two are the page's own: no answer at all, and an answer of what stands before the server.
  const known = Object.keys(en.errors).filter((code) => code !== 'unreachable' && code !== 'other');
  expect(known.sort()).toEqual([...codes].sort());
});

test('how long pictures stay is said as whoever runs the server says it', () => {
  expect(keeping({ seconds: 604_800, bytes: 2_000_000_000 }, en)).toContain('for 7 days, all of them together up to 2 GB;');
  expect(keeping({ seconds: 86_400, bytes: 536_870_912 }, en)).toContain('for 1 day, all of them together up to 540 MB;');
  expect(keeping({ seconds: 7200, bytes: 1_500_000_000 }, zh)).toContain('保留 2 小时，总共最多 1.5 GB');
});

test('next in line is only said where somebody draws', () => {
  expect([standing(1, false, en), standing(1, true, en), standing(3, true, en)]).toEqual(['Next in line', 'Waits for the server', '2 ahead']);
});

test('an error with a number for the log tells it', () => {
  expect(explain(new Refused(500, { code: 'internal', message: 'x', request_id: 'req_9' }), en)).toContain('req_9');
});

test('nothing is left untranslated', () => {
  const same: string[] = [];
  const compare = (a: unknown, b: unknown, path: string) => {
    if (typeof a === 'string') {
      if (a === b && /[a-z]{3}/i.test(a)) same.push(path);
    } else if (a && typeof a === 'object') {
      for (const key of Object.keys(a)) compare((a as never)[key], (b as never)[key], `${path}.${key}`);
    }
  };
  compare(en, zh, '');
  // The names of keys are printed on them in English.
  expect(same.filter((path) => !/^\.help\.keys\.\d+\.0$/.test(path))).toEqual([]);
});
