import { expect, test } from 'vitest';

import { EventParser } from './sse';

test('events come out whole, however the text is cut', () => {
  const text = 'id: 1\nevent: step\ndata: {"step":1}\n\n: still here\n\nid: 2\ndata: a\ndata: b\n\n';
  for (let at = 0; at <= text.length; at++) {
    const parser = new EventParser();
    expect([...parser.push(text.slice(0, at)), ...parser.push(text.slice(at))], `cut at ${at}`).toEqual([
      { id: '1', name: 'step', data: '{"step":1}' },
      { id: '2', name: 'message', data: 'a\nb' },
    ]);
  }
});

test('line ends of every kind are understood, also cut in the middle', () => {
  const parser = new EventParser();
  expect(parser.push('event: a\r')).toEqual([]);
  expect(parser.push('\ndata: 1\r\n\r')).toEqual([]);
  expect(parser.push('\ndata: 2\r\r')).toHaveLength(1);
  expect(parser.push('x')).toEqual([{ id: '', name: 'message', data: '2' }]);
});

test('an id holds for later events too, and an event without data is none', () => {
  const parser = new EventParser();
  expect(parser.push('id: 9\nevent: quiet\n\ndata: x\n\n')).toEqual([{ id: '9', name: 'message', data: 'x' }]);
});
