// That everybody can use it: by keyboard, by screen reader, on a telephone, in the dark, in Chinese,
// over a thin line.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { DIST } from './harness.mjs';
import { draw, finished, meet, PHONE, setting, tiles, until } from './setting';

setting();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function violations(page: Page): Promise<string[]> {
  // Colours are judged when nothing fades any more.
  await page.waitForTimeout(800);
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
  });
}

const STATES: [string, (page: Page) => Promise<unknown>][] = [
  ['at rest', async () => {}],
  ['with everything unfolded', (page) => page.locator('summary').click().then(() => page.locator('.add').click())],
  ['drawing', (page) => draw(page, 'a slow panda').then(() => page.getByRole('progressbar').waitFor({ state: 'attached' }))],
  ['looking', (page) => tiles(page).nth(1).click()],
  ['failed', (page) => draw(page, 'a panda that will fail').then(() => page.locator('.note').waitFor())],
  ['queue', (page) => draw(page, 'a slow panda').then(() => page.locator('nav .queue').click())],
  [
    'painting',
    async (page) => {
      await page.locator('#stage').getByRole('button', { name: 'Begin with it' }).click();
      await page.getByRole('button', { name: 'Paint where it may change' }).click();
      await page.locator('canvas').waitFor();
    },
  ],
  [
    'reading along',
    async (page) => {
      await page.fill('#prompt', 'a very old sign that says Keep Off, loneliness, the sea, the sea');
      await page.getByRole('button', { name: 'Parts' }).click();
      await page.locator('.chip').nth(1).focus();
      await page.getByRole('button', { name: 'Hide this advice' }).waitFor();
    },
  ],
  ['keys', (page) => page.keyboard.press('?')],
  [
    'given up',
    async (page) => {
      await page.evaluate(() => fetch('/mock/health?status=unhealthy&reason=see to that and start zao again'));
      await page.reload();
      await page.locator('.banner summary').click();
    },
  ],
];

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing in any state, ${colorScheme}`, async () => {
    for (const [name, act] of STATES) {
      const { page } = await meet({ history: true, model: 'turbo' }, { colorScheme });
      await act(page);
      expect(await violations(page), name).toEqual([]);
    }
  }, 300_000);
}

test('axe finds nothing on a telephone, nor on an empty page in Chinese', async () => {
  const { page } = await meet({ history: true }, PHONE);
  await page.locator('.fold').click();
  expect(await violations(page)).toEqual([]);
  await page.fill('#prompt', 'a very old sign that says Keep Off');
  await page.locator('.chip').first().waitFor();
  expect(await violations(page)).toEqual([]);
  const { page: empty } = await meet({}, { locale: 'zh-CN' });
  expect(await violations(empty)).toEqual([]);
});

test('a picture can be made, found and taken over without a mouse', async () => {
  const { page } = await meet();
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.id);
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Skip to the picture');
  await page.keyboard.press('/');
  expect(await focused()).toBe('prompt');
  await page.keyboard.type('a panda on a green background');
  // On through the form: the tiers and the shapes are one stop each.
  const stops: (string | undefined)[] = [];
  for (let stop = 0; stop < 20 && !stops.at(-1)?.startsWith('Generate'); stop++) {
    await page.keyboard.press('Tab');
    stops.push(await focused());
  }
  expect(stops.at(-1)).toMatch(/^Generate/);
  expect(stops).toContain('seed');
  await page.keyboard.press('Enter');
  await finished(page, 'a panda');
  await page.keyboard.press('g');
  await page.keyboard.press('Enter');
  const viewer = page.getByRole('dialog');
  await viewer.waitFor();
  await page.keyboard.press('s');
  await page.keyboard.press('Escape');
  await viewer.waitFor({ state: 'detached' });
  await until(async () => /^\d+$/.test(await page.inputValue('#seed')), true);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
});

test('a window keeps the focus and gives it back', async () => {
  const { page } = await meet();
  await page.locator('nav .queue').focus();
  await page.keyboard.press('Enter');
  const inside = () => page.evaluate(() => document.querySelector('dialog')?.contains(document.activeElement) ?? null);
  expect(await inside()).toBe(true);
  for (let press = 0; press < 3; press++) await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('.page'))).toBeNull();
  await page.keyboard.press('Escape');
  await until(inside, null);
  expect(await page.evaluate(() => document.activeElement?.className)).toContain('queue');
});

test('a screen reader hears the beginning, the middle and the end', async () => {
  const { page } = await meet({ stepMs: 120 });
  await page.evaluate(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    const region = document.querySelector('.unseen[role=status]') as Element;
    new MutationObserver(() => region.textContent && heard.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
  });
  await draw(page, 'a panda on a green background');
  await finished(page, 'a panda');
  await until(
    () => page.evaluate(() => (window as unknown as { heard: string[] }).heard.filter((text) => /Step|ready/.test(text))),
    ['Step 4 of 8.', '1 picture is ready.'],
  );
});

test('a telephone shows everything within its width, and the button stays in reach', async () => {
  const { page } = await meet({ history: true }, PHONE);
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await overflow()).toBe(0);
  await page.locator('.fold').tap();
  expect(await overflow()).toBe(0);
  await page.getByRole('radio', { name: '16:9' }).check();
  await page.locator('.fold').tap();
  await page.fill('#prompt', 'a panda on a green background');
  await page.evaluate(() => window.scrollTo(0, 900));
  await page.getByRole('button', { name: 'Generate' }).tap();
  await finished(page, 'a panda');
  await tiles(page).first().scrollIntoViewIfNeeded();
  await tiles(page).first().tap();
  await page.getByRole('dialog').waitFor();
  expect(await overflow()).toBe(0);
});

test('Chinese browsers get Chinese, and the language changes in place', async () => {
  const { page } = await meet({}, { locale: 'zh-CN' });
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
  await page.getByRole('heading', { name: '写下来，就造出来。' }).waitFor();
  await page.fill('#prompt', '熊猫，绿色背景');
  await page.getByRole('button', { name: '生成' }).click();
  await finished(page, '熊猫，绿色背景');
  await page.getByRole('button', { name: 'EN' }).click();
  await page.getByRole('button', { name: 'Generate' }).waitFor();
  expect(await page.inputValue('#prompt')).toBe('熊猫，绿色背景');
  await page.reload();
  await page.getByRole('button', { name: 'Generate' }).waitFor();
});

test('light or dark follows the system until somebody chooses', async () => {
  const { page } = await meet({}, { colorScheme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  const theme = page.getByRole('button', { name: /Light or dark/ });
  await theme.click();
  const light = await ground();
  expect(light).not.toBe(dark);
  await page.reload();
  await page.waitForSelector('#stage > *');
  expect(await ground()).toBe(light);
  await theme.click();
  expect(await ground()).toBe(dark);
});

test('nothing jumps while the page appears or a picture is made', async () => {
  for (const visitor of [{}, PHONE]) {
    const { page } = await meet({ history: true }, visitor);
    await page.addInitScript(() => {
      Object.assign(window, { shifted: 0 });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
          if (!entry.hadRecentInput) Object.assign(window, { shifted: (window as unknown as { shifted: number }).shifted + entry.value });
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await page.waitForSelector('#stage > *');
    await page.waitForTimeout(1500);
    const shifted = () => page.evaluate(() => (window as unknown as { shifted: number }).shifted);
    expect(await shifted()).toBe(0);
    // A new picture pushes the others along, but what is below it stays where it is.
    const below = () => page.evaluate(() => (document.querySelector('#gallery')?.getBoundingClientRect().top ?? 0) + window.scrollY);
    const before = await below();
    // As long as the words before it, which take one line or two.
    await page.fill('#prompt', 'a slow panda on a green background');
    await page.getByRole('button', { name: 'Generate' }).click();
    await page.locator('#stage img.preview').waitFor();
    expect(await below()).toBe(before);
    await finished(page, 'a slow panda');
    expect(await below()).toBe(before);
  }
});

test('the page is light: at most 75 KB packed', () => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.gz'));
  const bytes = files.reduce((sum, { parentPath, name }) => sum + gzipSync(readFileSync(`${parentPath}/${name}`), { level: 9 }).length, 0);
  expect(bytes).toBeLessThan(75 * 1024);
});
