import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Latest } from './latest';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('of many wishes in a row only the last is asked, after a pause', async () => {
  const latest = new Latest(300);
  const asked: string[] = [];
  for (const word of ['a', 'ap', 'app']) {
    latest.later(async () => void asked.push(word));
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toEqual(['app']);
});

test('a question on its way is taken back when a newer one comes', async () => {
  const latest = new Latest(300);
  const signals: AbortSignal[] = [];
  const ask = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  latest.later(ask);
  await vi.advanceTimersByTimeAsync(300);
  expect(signals[0]?.aborted).toBe(false);
  latest.later(ask);
  expect(signals[0]?.aborted).toBe(true);
  await vi.advanceTimersByTimeAsync(300);
  expect(signals[1]?.aborted).toBe(false);
  latest.forget();
  expect(signals[1]?.aborted).toBe(true);
});
