import { expect, test } from 'vitest';

import { Client } from './client';
import { Refused } from './errors';

function talking(answer: () => Response): { client: Client; sent: [string, RequestInit | undefined][] } {
  const sent: [string, RequestInit | undefined][] = [];
  const client = new Client(async (path, init) => (sent.push([String(path), init]), answer()));
  return { client, sent };
}

test('every request says whose it is', async () => {
  const { client, sent } = talking(() => new Response('{}'));
  client.key = 'a-key-of-16-signs';
  client.token = 'sesame';
  await client.queue();
  await client.remove('img_1', true);
  await client.submit({ prompt: 'an owl' }, 'once');
  await client.stream('/v1/queue/events', {}, new AbortController().signal);
  await client.past(12);
  for (const [path, init] of sent) {
    expect(init?.headers, path).toMatchObject({ 'x-zao-client': 'a-key-of-16-signs', authorization: 'Bearer sesame' });
  }
  expect(sent.at(-1)?.[0]).toBe('/v1/jobs?mine=true&status=completed,failed,cancelled&limit=12');
});

test('a server that is not ready says how it is, and what knows no health is an error', async () => {
  const draining = talking(() => new Response('{"status": "draining", "reason": "the server is about to stop"}', { status: 503 }));
  expect(await draining.client.health()).toEqual({ status: 'draining', reason: 'the server is about to stop' });
  const proxy = talking(() => new Response('<h1>Bad gateway</h1>', { status: 502 }));
  await expect(proxy.client.health()).rejects.toBeInstanceOf(Refused);
});
