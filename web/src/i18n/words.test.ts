import { expect, test } from 'vitest';

import { Refused, Unreachable } from '../api/errors';
import { en, type Dictionary } from './en';
import { duration, explain, wait } from './words';
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
