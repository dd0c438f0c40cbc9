// Jobs that are over: what became of them, whether their pictures are still there, and drawing them again.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { draw, finished, meet, reloadOnceDeleted, setting, tiles, until } from './setting';

setting();

const rows = (page: Page) => page.getByRole('dialog', { name: 'Queue' }).locator('h3 ~ ol li');
const said = (page: Page) => rows(page).evaluateAll((items) => items.map((item) => [...item.querySelectorAll('.says > span')].map((span) => span.textContent)));

test('the drawer tells what became of every job, also after a reload', async () => {
  const { page, mock } = await meet();
  await page.getByRole('spinbutton', { name: 'Pictures' }).fill('2');
  await draw(page, 'a fox');
  await finished(page, 'a fox');
  await draw(page, 'a panda that will fail');
  await page.locator('.note').waitFor();
  await page.reload();
  await until(() => tiles(page).count(), 2);
  // One of two is deleted, and said to be.
  await page.locator('#stage').getByRole('button', { name: 'Delete' }).click();
  await until(() => tiles(page).count(), 1);
  await reloadOnceDeleted(page, mock, 1);
  await until(() => tiles(page).count(), 1);
  await page.keyboard.press('q');
  await until(() => said(page), [
    ['a panda that will fail', 'There was not enough memory: a picture of this size needs 9.1 GB and 6.0 GB are free; 768x768 would fit. Choose a smaller size or fewer pictures.'],
    ['a fox', expect.stringMatching(/^1 of 2 pictures left, the others were deleted · made in/)],
  ]);
  await rows(page).nth(1).getByRole('button').click();
  await page.getByRole('dialog', { name: 'a fox' }).getByRole('button', { name: 'Delete' }).click();
  await reloadOnceDeleted(page, mock, 0);
  await until(() => tiles(page).count(), 0);
  await page.keyboard.press('q');
  await until(async () => (await said(page))[1], ['a fox', 'Its pictures were deleted']);
});

test('pictures that were deleted can be drawn again, the same ones', async () => {
  const { page, mock } = await meet();
  await draw(page, 'a fox');
  await finished(page, 'a fox');
  const [seed] = (await page.locator('#stage .line').textContent())?.match(/(?<=seed )\d+/) ?? [];
  await page.locator('#stage').getByRole('button', { name: 'Delete' }).click();
  await reloadOnceDeleted(page, mock, 0);
  await page.keyboard.press('q');
  await rows(page).first().getByRole('button').click();
  await page.getByRole('heading', { name: 'Its pictures were deleted' }).waitFor();
  await page.getByRole('button', { name: 'Draw it again' }).click();
  await finished(page, 'a fox');
  expect(await page.locator('#stage .line').textContent()).toContain(`seed ${seed}`);
  // The form has no seed of its own for that.
  expect(await page.inputValue('#seed')).toBe('');
});

test('where memory is short, a smaller picture is one press away', async () => {
  const { page, mock } = await meet();
  await draw(page, 'a panda that will fail');
  await page.locator('.note').getByRole('button', { name: 'Draw it smaller' }).click();
  await until(() => mock.studio.received.size, 2);
  const [first, second] = [...mock.studio.received.values()];
  expect(first?.allow_downscale).toBeUndefined();
  expect(second).toMatchObject({ prompt: 'a panda that will fail', allow_downscale: true });
});
