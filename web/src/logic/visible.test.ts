import { expect, test } from 'vitest';

import { visible } from './visible';

test('a label shows what nobody sees, and no more than fits', () => {
  expect(visible('very ')).toBe('very');
  expect(visible('\u200b')).toBe('U+200B');
  expect(visible('light\u00adhouse')).toBe('lightU+00ADhouse');
  expect(visible('\ufeff')).toBe('U+FEFF');
  expect(visible('  ')).toBe('  ');
  expect(visible('发簪(fà zān)')).toBe('发簪(fà zān)');
  expect(visible('masterpiece, best quality, 8k, ultra detailed')).toBe('masterpiece, best quality,…');
  expect(Array.from(visible('🦊'.repeat(40)))).toHaveLength(28);
});
