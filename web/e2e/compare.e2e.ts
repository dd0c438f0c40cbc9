// Two pictures with a line between them: by pointer, by finger and by keys.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { meet, PHONE, setting, tiles, until } from './setting';

setting();

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Compare two pictures' });
const line = (page: Page) => page.getByRole('slider', { name: 'Where one picture ends and the other begins' });
const sides = (page: Page) => page.locator('.sides .prompt').allTextContents();

/** How much of the left picture is to be seen, in percent of its width. */
const seen = (page: Page) =>
  page.locator('.upper').evaluate((upper) => 100 - Number(/inset\(0(?:px)? ([\d.]+)%/.exec(getComputedStyle(upper).clipPath)?.[1] ?? NaN));

test('the line is moved by keys, and says where it is', async () => {
  const { page } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await dialog(page).waitFor();
  expect(await sides(page)).toEqual(['a red apple on a blue background', 'an owl on a black background']);
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-valuetext'))).toBe('50 % of the left one');
  for (let press = 0; press < 10; press++) await page.keyboard.press('ArrowLeft');
  expect(await line(page).getAttribute('aria-valuetext')).toBe('40 % of the left one');
  expect(await seen(page)).toBeCloseTo(40);
  await page.keyboard.press('Home');
  expect(await seen(page)).toBeCloseTo(0);
  await page.keyboard.press('End');
  expect(await seen(page)).toBeCloseTo(100);
  // What a key means elsewhere it does not mean here.
  for (const key of ['r', 's', 'Delete', 'c', 'q', '/']) await page.keyboard.press(key);
  expect(await page.inputValue('#prompt')).toBe('');
  expect(await page.getByRole('dialog').count()).toBe(1);
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Open: a red apple on a blue background');
});

test('the line follows the pointer, wherever on the picture', async () => {
  const { page } = await meet({ history: true });
  await page.locator('#stage').getByRole('button', { name: 'Compare' }).click();
  const box = await page.locator('.compare .frame').boundingBox();
  if (!box) throw new Error('there is no frame');
  const at = (part: number) => [box.x + box.width * part, box.y + box.height / 2] as const;
  await page.mouse.move(...at(0.2));
  expect(await seen(page)).toBeCloseTo(50);
  await page.mouse.down();
  expect(await seen(page)).toBeCloseTo(20);
  await page.mouse.move(...at(0.75), { steps: 4 });
  expect(await seen(page)).toBeCloseTo(75);
  await page.mouse.move(...at(2));
  expect(await seen(page)).toBeCloseTo(100);
  await page.mouse.up();
  await page.mouse.move(...at(0.1));
  expect(await seen(page)).toBeCloseTo(100);
});

test('from the viewer, with a picture of the same words first, and with any other', async () => {
  const { page, mock } = await meet({ history: true });
  mock.studio.hang('a panda on a green background', 89, 256, 320, 'the-key-of-a-visitor');
  await page.reload();
  await until(() => tiles(page).count(), 15);
  await tiles(page).first().click();
  await page.getByRole('dialog', { name: 'a panda on a green background' }).waitFor();
  await page.keyboard.press('c');
  expect(await sides(page)).toEqual(['a panda on a green background', 'a panda on a green background']);
  expect(await page.locator('.sides .hint').allTextContents()).toEqual(['256 × 320 · Seed 89', '256 × 256 · Seed 88']);
  await page.getByRole('button', { name: 'Change sides' }).click();
  expect(await page.locator('.sides .hint').allTextContents()).toEqual(['256 × 256 · Seed 88', '256 × 320 · Seed 89']);
  await page.getByRole('radio', { name: 'a fox on a sky blue background, Seed 7' }).check();
  expect(await sides(page)).toEqual(['a panda on a green background', 'a fox on a sky blue background']);
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  // Below it lies the viewer still.
  await page.getByRole('dialog', { name: 'a panda on a green background' }).waitFor();
});

test('what was asked for differently is told', async () => {
  const { page, mock } = await meet();
  mock.studio.hang('a fox', 1, 256, 256);
  await page.reload();
  await until(() => tiles(page).count(), 1);
  await page.fill('#prompt', 'a fox');
  await page.getByRole('spinbutton', { name: 'Steps' }).fill('6');
  await page.keyboard.press('Control+Enter');
  await page.locator('#stage .seal.pressed').waitFor();
  await page.locator('#stage').getByRole('button', { name: 'Compare' }).click();
  await until(() => page.locator('.compare tbody tr').allInnerTexts(), ['Steps\t6\t8']);
});

test('on a telephone the line follows a finger, and nothing sticks out', async () => {
  const { page } = await meet({ history: true }, PHONE);
  await page.locator('#stage').getByRole('button', { name: 'Compare' }).tap();
  const box = await page.locator('.compare .frame').boundingBox();
  if (!box) throw new Error('there is no frame');
  expect(box.x).toBeGreaterThanOrEqual(0);
  expect(box.x + box.width).toBeLessThanOrEqual(390);
  expect(box.width).toBeGreaterThan(250);
  await page.touchscreen.tap(box.x + box.width * 0.3, box.y + 20);
  await until(async () => Math.round(await seen(page)), 30);
});
