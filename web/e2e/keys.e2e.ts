// Keys: each does what the list of them says, and nothing while somebody writes.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { draw, heldAt, meet, setting, tiles, until } from './setting';

setting();

const open = (page: Page) => page.evaluate(() => document.querySelectorAll('dialog[open]').length);

test('while somebody writes, keys are letters', async () => {
  const { page } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  await page.getByRole('button', { name: 'Leave something out' }).click();
  await page.getByRole('button', { name: 'Parts' }).click();
  for (const box of ['#prompt', '#negative', '#seed', '#parts input >> nth=0']) {
    await page.locator(box).fill('');
    await page.locator(box).pressSequentially('srdkcgq?/');
    expect(await page.inputValue(box), box).toBe('srdkcgq?/');
    await page.keyboard.press('Delete');
    await page.keyboard.press('ArrowLeft');
    expect(await open(page), box).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.closest('[data-picture]')), box).toBeNull();
    await page.locator(box).fill('');
  }
  expect(await tiles(page).count()).toBe(14);
  expect(await page.locator('.notices p').count()).toBe(0);
});

test('each key of the list is listed, and does what it says', async () => {
  const { page, mock } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  const listed = await help.locator('kbd').allTextContents();
  expect(listed).toEqual(['Ctrl', 'Enter', 'Esc', '/', 'G', '←', '→', '↑', '↓', 'Enter', 'S', 'R', 'D', 'K', 'C', 'Delete', 'Q', '?']);
  // Behind a window nothing happens.
  for (const key of ['s', 'g', 'k', 'q', '/', 'c']) await page.keyboard.press(key);
  expect(await open(page)).toBe(1);
  await page.keyboard.press('Escape');
  await until(() => open(page), 0);

  await page.keyboard.press('q');
  await page.getByRole('dialog', { name: 'Queue' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('prompt');
  mock.studio.hold(1);
  await draw(page, 'a panda');
  await heldAt(page, 1);
  // Also from the box, where Esc is no letter.
  await page.keyboard.press('Escape');
  await page.locator('#stage .line', { hasText: 'Stopping' }).waitFor();
});

test('S, R, D and C mean the picture in the viewer, and Esc closes one window at a time', async () => {
  const { page } = await meet({ history: true });
  await tiles(page).nth(5).click();
  const viewer = page.getByRole('dialog', { name: '樱花，白色背景' });
  await viewer.waitFor();
  await page.keyboard.press('s');
  await until(() => page.inputValue('#seed'), '315');
  await page.keyboard.press('r');
  await until(() => page.inputValue('#prompt'), '樱花，白色背景');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('d')]);
  expect(download.suggestedFilename()).toBe('樱花-白色背景-315.png');
  await page.keyboard.press('c');
  await until(() => open(page), 2);
  await page.keyboard.press('Escape');
  await until(() => open(page), 1);
  await page.keyboard.press('Escape');
  await until(() => open(page), 0);
});
