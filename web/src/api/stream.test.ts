import { expect, test, vi } from 'vitest';

import { Refused } from './errors';
import { follow } from './stream';

const body = (text: string) => new Response(new Blob([text]).stream());

test('a lost stream is opened again, and asks for what was missed', async () => {
  const asked: Record<string, string>[] = [];
  const heard: string[] = [];
  const lost = vi.fn();
  let over = false;
  follow(
    async (_path, headers) => {
      asked.push(headers);
      if (asked.length === 2) throw new TypeError('the network is gone');
      over = asked.length === 3;
      return body(asked.length === 1 ? 'id: 4\ndata: first\n\n' : 'id: 5\ndata: second\n\n');
    },
    '/v1/jobs/a/events',
    { event: ({ data }) => heard.push(data), lost, ended: () => (over ? 'done' : 'again') },
  );
  await vi.waitFor(() => expect(heard).toEqual(['first', 'second']), { timeout: 4000 });
  expect(asked).toEqual([{}, { 'last-event-id': '4' }, { 'last-event-id': '4' }]);
  expect(lost).toHaveBeenCalledTimes(2);
});

test('a stream that the server refuses is not asked for again', async () => {
  const refused = vi.fn();
  const connect = vi.fn(async () => {
    throw new Refused(404, { code: 'not_found' });
  });
  follow(connect, '/v1/jobs/a/events', { event: () => {}, refused, ended: () => 'again' });
  await vi.waitFor(() => expect(refused).toHaveBeenCalledOnce());
  expect(connect).toHaveBeenCalledOnce();
});

test('after it is closed nothing is heard and nothing is opened', async () => {
  const connect = vi.fn(async (_path: string, _headers: object, signal: AbortSignal) => {
    return new Promise<Response>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  const lost = vi.fn();
  const close = follow(connect, '/v1/queue/events', { event: () => {}, lost, ended: () => 'again' });
  close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(connect).toHaveBeenCalledOnce();
  expect(lost).not.toHaveBeenCalled();
});
