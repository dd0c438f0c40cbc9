import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { condition } from './condition';

test('a server that gave up is told from one that tries again', () => {
  expect(condition({ status: 'ready', reason: null })).toBe('ready');
  expect(condition({ status: 'loading', reason: 'no worker is ready yet; jobs are accepted and wait' })).toBe('loading');
  expect(condition({ status: 'unhealthy', reason: 'a worker failed, and is started again' })).toBe('unwell');
  expect(condition({ status: 'unhealthy', reason: null })).toBe('unwell');
  expect(condition({ status: 'unhealthy', reason: 'the worker gpu-0 failed 6 times within 60 s, the last time so: out of memory; see to that and start zao again' })).toBe(
    'given-up',
  );
});

test('the server still says it in these words', () => {
  const source = readFileSync(new URL('../../../crates/zao-server/src/crew/post.rs', import.meta.url), 'utf8').replace(/\\\n\s*/g, '');
  expect(source).toMatch(/see to that and start zao again/);
});
