// A server that is not well: what the page says about it, and that nothing is in anybody's way.

import { expect, test } from 'vitest';

import { draw, finished, lasting, meet, PHONE, setting, until } from './setting';

setting();

const GIVEN_UP = 'the worker cpu failed 5 times within 600 s, the last time so: the card fell off the bus; see to that and start zao again';

test('while the model is read jobs line up, and begin when it is there', async () => {
  const { page, mock } = await meet();
  mock.become('loading', 'no worker is ready yet; jobs are accepted and wait');
  await draw(page, 'a panda on a green background');
  await page.locator('.banner', { hasText: 'The server is reading its model.' }).waitFor();
  await page.locator('#stage .line', { hasText: 'Waits for the server' }).waitFor();
  expect(await page.locator('#ahead').textContent()).not.toContain('about');
  expect(await page.getByRole('button', { name: 'Generate' }).isEnabled()).toBe(true);
  mock.become('ready');
  await finished(page, 'a panda');
  await page.locator('.banner').waitFor({ state: 'detached' });
});

test('a server that gave up says so in the language of the page, and why where that is asked', async () => {
  const { page, mock } = await meet({ history: true }, { locale: 'zh-CN' });
  mock.become('unhealthy', GIVEN_UP);
  await page.reload();
  const banner = page.getByRole('alert').filter({ hasText: '服务器多次失败，已经停止作画' });
  await banner.waitFor();
  await page.locator('#ahead', { hasText: '先排队等待' }).waitFor();
  expect(await banner.getByText('the card fell off the bus').isVisible()).toBe(false);
  await banner.getByText('原因').click();
  await banner.getByText('the card fell off the bus').waitFor();
  // It pushes the page down and covers nothing, nor does the form stick out below.
  const places = () =>
    page.evaluate(() => {
      const box = (selector: string) => document.querySelector(selector)?.getBoundingClientRect() ?? new DOMRect();
      return { clear: box('h1').top >= box('.banner').bottom - 1, bottom: Math.round(box('.left').bottom) };
    });
  await until(places, { clear: true, bottom: 900 });
  await page.evaluate(() => window.scrollTo(0, 400));
  await until(() => page.evaluate(() => window.scrollY), 400);
  await until(places, { clear: true, bottom: 900 });
  await lasting(page);
  mock.become('ready');
  await page.getByText('服务器可以画了。').waitFor();
  await banner.waitFor({ state: 'detached' });
});

test('a server that is about to stop takes nothing, and the page keeps the words', async () => {
  const { page, mock } = await meet({}, PHONE);
  mock.become('draining', 'the server is about to stop');
  await page.fill('#prompt', 'a panda on a green background');
  await page.getByRole('button', { name: 'Generate' }).tap();
  await page.locator('.banner', { hasText: 'takes nothing new' }).waitFor();
  await page.locator('#ahead', { hasText: 'Takes nothing new now' }).waitFor();
  expect(await page.inputValue('#prompt')).toBe('a panda on a green background');
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
});

test('what the server remarks about a picture is said in Chinese, also when it is done', async () => {
  const { page } = await meet({}, { locale: 'zh-CN' });
  await draw(page, 'an overlong panda');
  await finished(page, 'an overlong panda');
  await page.locator('#stage').getByText('只读前 512 个，最后 895 个被截掉。').waitFor();
});
