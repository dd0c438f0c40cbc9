// That everybody can use it: by keyboard, by screen reader, on a telephone, in the dark, in Chinese,
// over a thin line.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { DIST, type Mock, type MockOptions } from './harness.mjs';
import { draw, finished, meet, PHONE, setting, tiles, until } from './setting';

setting();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, of colours as they are when nothing fades any more. */
async function violations(page: Page): Promise<string[]> {
  await page.waitForTimeout(400);
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))));
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
  });
}

/** What is too small for a finger: less than 40 px high or wide, and no word in a sentence. */
function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
    const pressed = top.querySelectorAll<HTMLElement>('button, summary, select, input:not([type=file], [hidden]), textarea, a[href]:not(.skip)');
    return [...pressed].flatMap((node) => {
      // A box to tick is pressed by its name, too.
      const whole = node.matches('[type=checkbox]') ? (node.closest('label') ?? node) : node;
      const { width, height } = whole.getBoundingClientRect();
      const hidden = width === 0 || getComputedStyle(node).pointerEvents === 'none' || node.closest('[hidden], .unseen') !== null;
      const small = Math.min(width, height) < 39.5;
      return hidden || !small ? [] : [`${node.outerHTML.replace(/\s+/g, ' ').slice(0, 90)} ${width.toFixed(0)}x${height.toFixed(0)}`];
    });
  });
}

type Act = (page: Page, mock: Mock, onPhone: boolean) => Promise<unknown>;

/** The states of the page, by how one gets there: the same way in all languages. */
const STATES: Record<string, Act> = {
  'nothing yet': async () => {},
  'at rest': async () => {},
  'everything unfolded': async (page) => {
    await page.locator('.settings summary').click();
    await page.locator('.add').click();
    await page.locator('.loras select').selectOption('ink-wash');
  },
  drawing: (page) => draw(page, 'a slow panda').then(() => page.locator('#stage img.preview').waitFor()),
  'a queue': async (page, mock) => {
    for (const prompt of ['a slow panda', 'a fox', '月饼']) await draw(page, prompt).then(() => page.waitForTimeout(150));
    mock.studio.submit({ prompt: 'a rocket by another program' });
    mock.studio.submit({ prompt: 'a surprise' }, 'the-key-of-somebody-else');
    await page.locator('nav .queue').click();
    await page.locator('dialog li .others').nth(1).waitFor();
    await page.locator('dialog h3').waitFor();
  },
  gallery: async (page, mock) => {
    for (let seed = 0; seed < 60; seed++) mock.studio.hang('a fox', seed, 256 + 64 * (seed % 3), 256, 'the-key-of-a-visitor');
    await page.reload();
    await page.locator('.gallery .more').waitFor();
    await page.locator('.gallery .kept').scrollIntoViewIfNeeded();
  },
  viewer: async (page) => {
    await tiles(page).nth(1).click();
    await page.locator('aside summary').click();
  },
  'long words': async (page, mock) => {
    mock.studio.hang('a panda on a green background, '.repeat(60), 1, 448, 256, 'the-key-of-a-visitor');
    await page.reload();
    await tiles(page).first().click();
    await page.locator('aside .long button').waitFor();
  },
  'real pixels': async (page, mock) => {
    mock.studio.hang('a fox', 1, 1280, 960, 'the-key-of-a-visitor');
    await page.reload();
    await tiles(page).first().click();
    await page.locator('.enlarge').click();
    await page.locator('.wall.real').waitFor();
  },
  comparing: async (page) => {
    await page.locator('#stage .mount').waitFor();
    await page.keyboard.press('c');
    await page.locator('.compare').waitFor();
  },
  findings: async (page) => {
    await page.fill('#prompt', 'a very old sign that says Keep Off, loneliness, the sea, the sea');
    await page.locator('.part').click();
    await page.locator('.chip').nth(1).focus();
    await page.locator('.chip').nth(2).waitFor();
  },
  beginning: async (page) => {
    await page.locator('#stage .group').first().getByRole('button').last().click();
    await page.locator('.chosen').waitFor();
  },
  painting: async (page) => {
    await page.locator('#stage .group').first().getByRole('button').last().click();
    await page.locator('.mask button').first().click();
    await page.locator('canvas').waitFor();
  },
  'a recipe': async (page) => {
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', 'a lighthouse\nNegative prompt: people\nSteps: 12, Sampler: Euler, CFG scale: 2, Seed: 42, Size: 512x768');
      document.querySelector('#prompt')?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.locator('dialog table').waitFor();
  },
  'no memory': (page) => draw(page, 'a panda that will fail').then(() => page.locator('.note').waitFor()),
  deleted: async (page, mock) => {
    await draw(page, 'a fox').then(() => page.locator('#stage .seal.pressed').waitFor());
    for (const id of [...mock.studio.images.keys()].slice(-1)) mock.studio.images.delete(id);
    await page.reload();
    await page.locator('nav .queue').click();
    await page.locator('dialog h3 ~ ol button').first().click();
    await page.locator('.note').waitFor();
  },
  'refused for now': async (page) => {
    for (const prompt of ['a slow panda', 'a fox', 'a teapot']) await draw(page, prompt).then(() => page.waitForTimeout(150));
    await page.locator('.bar [role=alert]').waitFor();
  },
  'not answered': async (page, mock) => {
    mock.goAway(120_000);
    await page.locator('.banner').waitFor();
    await draw(page, 'a fox');
    await page.locator('.bar [role=alert]').waitFor();
  },
  'given up': async (page, mock) => {
    mock.become('unhealthy', 'see to that and start zao again');
    await page.reload();
    await page.locator('.banner summary').click();
  },
  'taken over': (page) => page.locator('#stage .group').first().getByRole('button').first().click().then(() => page.locator('.notices p').waitFor()),
  keys: (page) => page.keyboard.press('?'),
  'a token': async () => {},
};

const SERVERS: Record<string, MockOptions> = {
  'nothing yet': { history: false, model: 'demo' },
  drawing: { stepMs: 500 },
  'a queue': { stepMs: 500 },
  'refused for now': { stepMs: 500, maxQueue: 1 },
  'a token': { token: 'sesame' },
};

for (const [form, visitor] of Object.entries({ 'a desk': {}, 'a telephone': PHONE })) {
  const onPhone = visitor === PHONE;
  for (const [name, act] of Object.entries(STATES)) {
    test(`${name}, on ${form}: axe finds nothing in either language, light or dark, and nothing sticks out`, async () => {
      const { page, mock } = await meet({ history: true, model: 'turbo', ...SERVERS[name] }, visitor);
      if (onPhone && name !== 'a token') await page.locator('.fold').click();
      await act(page, mock, onPhone);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const language of ['en', 'zh-CN']) {
          expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
          const here = `${colorScheme}, ${language}`;
          expect(await violations(page), here).toEqual([]);
          expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), here).toBe(0);
          if (onPhone) expect(await smallTargets(page), here).toEqual([]);
          // Also where it lies behind a window.
          await page.evaluate(() => document.querySelector<HTMLElement>('nav [lang]')?.click());
        }
      }
    }, 60_000);
  }
}

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

test('the page is light: at most 80 KB packed', () => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.gz'));
  const bytes = files.reduce((sum, { parentPath, name }) => sum + gzipSync(readFileSync(`${parentPath}/${name}`), { level: 9 }).length, 0);
  expect(bytes).toBeLessThan(80 * 1024);
});
