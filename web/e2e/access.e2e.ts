// That everybody can use it: by keyboard, by screen reader, on a telephone, in the dark, in Chinese,
// over a thin line.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { DIST, type Mock, type MockOptions } from './harness.mjs';
import { draw, drawInTurn, finished, heldAt, lasting, meet, PHONE, setting, tiles, twoFrames, until } from './setting';

setting();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What depends on colours alone: all that can differ between light and dark, as the test of the style sheet says. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/** What axe finds by some rules, or by all of them, when everything has come to rest. */
async function violations(page: Page, rules?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  await atRest(page);
  return page.evaluate(async (rules) => {
    type Found = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
    const { axe } = window as unknown as { axe: { run(options: object): Promise<Found> } };
    const { violations } = await axe.run({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
  }, rules);
}

/** Until nothing moves, fades or scrolls any more; what would take a while is brought to its end. */
async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let still = 0; still < 2; ) {
      const before = window.scrollY;
      await frame();
      await frame();
      const moving = document.getAnimations().filter((one) => one.playState !== 'finished' && one.effect?.getComputedTiming().endTime !== Infinity);
      for (const one of moving) one.finish();
      still = moving.length === 0 && window.scrollY === before ? still + 1 : 0;
    }
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

/** One's own pictures, beside those that hang there already. */
const MINE = 'the-key-of-a-visitor';

interface State {
  server?: MockOptions;
  /** How one gets there, the same way in all languages. */
  act?(page: Page, mock: Mock): Promise<unknown>;
  /** What there is to be seen of it: before, while and after it was looked at. */
  shows: string;
}

const firstOf = (page: Page) => page.locator('#stage .group').first().getByRole('button');

const STATES: Record<string, State> = {
  'nothing yet': { server: { history: false, model: 'demo' }, shows: '#stage h2' },
  'at rest': { shows: '#stage .mount' },
  'everything unfolded': {
    act: async (page) => {
      await page.locator('.settings summary').click();
      await page.locator('.add').click();
      await page.locator('.loras select').selectOption('ink-wash');
    },
    shows: '#negative',
  },
  drawing: {
    act: (page, mock) => {
      mock.studio.hold(2);
      return draw(page, 'a panda');
    },
    shows: '#stage img.preview',
  },
  'a queue': {
    act: async (page, mock) => {
      mock.studio.hold(2);
      for (const prompt of ['a panda', 'a fox', '月饼']) await drawInTurn(page, mock, prompt);
      mock.studio.submit({ prompt: 'a rocket by another program' });
      mock.studio.submit({ prompt: 'a surprise' }, 'the-key-of-somebody-else');
      await page.locator('nav .queue').click();
      await page.locator('dialog h3').waitFor();
    },
    // One's own, which can be cancelled together, a program's and somebody else's.
    shows: 'dialog:has(.all) ol:has(li:nth-child(4) .others) li:nth-child(5) .others',
  },
  gallery: {
    act: async (page, mock) => {
      for (let seed = 0; seed < 60; seed++) mock.studio.hang('a fox', seed, 256 + 64 * (seed % 3), 256, MINE);
      for (const { image } of [...mock.studio.images.values()].slice(-2)) image.kept = true;
      await page.reload();
      await page.locator('.gallery .kept').scrollIntoViewIfNeeded();
    },
    shows: '.gallery:has(.ribbon) .more',
  },
  viewer: {
    act: async (page) => {
      await tiles(page).nth(1).click();
      await page.locator('aside summary').click();
    },
    shows: 'aside details[open] dl',
  },
  'long words': {
    act: async (page, mock) => {
      mock.studio.hang('a panda on a green background, '.repeat(60), 1, 448, 256, MINE);
      await page.reload();
      await tiles(page).first().click();
    },
    shows: 'aside .long button',
  },
  'real pixels': {
    act: async (page, mock) => {
      mock.studio.hang('a fox', 1, 1280, 960, MINE);
      await page.reload();
      await tiles(page).first().click();
      await page.locator('.enlarge').click();
    },
    shows: '.wall.real',
  },
  comparing: {
    act: async (page) => {
      await page.locator('#stage .mount').waitFor();
      await page.keyboard.press('c');
    },
    shows: '.compare',
  },
  findings: {
    act: async (page) => {
      await page.fill('#prompt', 'a very old sign that says Keep Off, loneliness, the sea, the sea');
      await page.locator('.part').click();
      await page.locator('.chip').nth(1).focus();
    },
    shows: '.chip >> nth=2',
  },
  beginning: { act: (page) => firstOf(page).last().click(), shows: '.chosen' },
  painting: {
    act: async (page) => {
      await firstOf(page).last().click();
      await page.locator('.mask button').first().click();
    },
    shows: 'canvas',
  },
  'a recipe': {
    act: (page) =>
      page.evaluate(() => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', 'a lighthouse\nNegative prompt: people\nSteps: 12, Sampler: Euler, CFG scale: 2, Seed: 42, Size: 512x768');
        document.querySelector('#prompt')?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      }),
    shows: 'dialog table',
  },
  'no memory': { act: (page) => draw(page, 'a panda that will fail'), shows: '.note' },
  deleted: {
    act: async (page, mock) => {
      await draw(page, 'a fox');
      await finished(page, 'a fox');
      for (const id of [...mock.studio.images.keys()].slice(-1)) mock.studio.images.delete(id);
      await page.reload();
      await page.locator('nav .queue').click();
      await page.locator('dialog h3 ~ ol button').first().click();
    },
    shows: '.note',
  },
  'refused for now': {
    server: { maxQueue: 1 },
    act: async (page, mock) => {
      mock.studio.hold(2);
      await draw(page, 'a panda');
      const statuses = () => [...mock.studio.jobs.values()].slice(-2).map(({ status }) => status);
      await until(statuses, ['completed', 'running']);
      await draw(page, 'a fox');
      await until(statuses, ['running', 'queued']);
      await draw(page, 'a teapot');
    },
    shows: '.bar [role=alert]',
  },
  'not answered': {
    act: async (page, mock) => {
      mock.goAway();
      await page.locator('.banner').waitFor();
      await draw(page, 'a fox');
      await page.locator('.bar [role=alert]').waitFor();
    },
    shows: '.page:has(.bar [role=alert]) .banner, body:has(.bar [role=alert]) .banner',
  },
  'given up': {
    act: async (page, mock) => {
      mock.become('unhealthy', 'see to that and start zao again');
      await page.reload();
      await page.locator('.banner summary').click();
    },
    shows: '.banner details[open] p',
  },
  'taken over': {
    act: async (page) => {
      await lasting(page);
      await firstOf(page).first().click();
    },
    shows: '.notices p button',
  },
  keys: { act: (page) => page.keyboard.press('?'), shows: 'dialog kbd' },
  'a token': { server: { token: 'sesame' }, shows: 'dialog input' },
};

for (const [form, visitor] of Object.entries({ 'a desk': {}, 'a telephone': PHONE })) {
  const onPhone = visitor === PHONE;
  for (const [name, { server, act, shows }] of Object.entries(STATES)) {
    test(`${name}, on ${form}: axe finds nothing in either language, light or dark, and nothing sticks out`, async () => {
      const { page, mock } = await meet({ history: true, model: 'turbo', ...server }, visitor);
      if (onPhone && name !== 'a token') await page.locator('.fold').click();
      await act?.(page, mock);
      const shown = page.locator(shows).first();
      await shown.waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const language of ['en', 'zh-CN']) {
          await until(() => page.evaluate(() => document.documentElement.lang), language);
          const here = `${colorScheme}, ${language}`;
          expect(await violations(page, colorScheme === 'light' ? undefined : OF_COLOURS), here).toEqual([]);
          if (colorScheme === 'light') {
            expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), here).toBe(0);
            if (onPhone) expect(await smallTargets(page), here).toEqual([]);
          }
          // What was looked at is what was meant.
          expect(await shown.isVisible(), here).toBe(true);
          // Also where it lies behind a window.
          await page.evaluate(() => document.querySelector<HTMLElement>('nav [lang]')?.click());
        }
      }
    });
  }
}

test('light and dark differ in colours alone', () => {
  const css = readdirSync(`${DIST}/assets`)
    .filter((name) => name.endsWith('.css'))
    .map((name) => readFileSync(`${DIST}/assets/${name}`, 'utf8'))
    .join('\n');
  expect(css.match(/light-dark\(/g)?.length).toBeGreaterThan(10);
  // Chosen by hand, a theme is a `color-scheme`; no rule asks which one holds.
  const chosen = [...css.matchAll(/[^{}]*\[data-theme=[^{}]*\{([^}]*)\}/g)].map(([, rule]) => rule);
  expect(chosen).toEqual(['color-scheme:light', 'color-scheme:dark']);
  expect(css.match(/data-theme/g)).toHaveLength(2);
  expect(css.match(/prefers-color-scheme/g)).toBeNull();
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
  const { page, mock } = await meet();
  await page.evaluate(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    const region = document.querySelector('.unseen[role=status]') as Element;
    new MutationObserver(() => region.textContent && heard.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
  });
  // The list that the page asks for once it is drawn is answered before the middle.
  mock.studio.hold(2);
  const listed = page.waitForResponse(async (response) => /\/v1\/jobs\?/.test(response.url()) && (await response.text()).includes('"running"'));
  await draw(page, 'a panda on a green background');
  await (await listed).finished();
  await heldAt(page, 2);
  mock.studio.letGo();
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
  const light = 'rgb(238, 240, 238)';
  expect(dark).not.toBe(light);
  await until(ground, light);
  await page.reload();
  await page.waitForSelector('#stage > *');
  expect(await ground()).toBe(light);
  await theme.click();
  await until(ground, dark);
});

test('nothing jumps while the page appears or a picture is made', async () => {
  for (const visitor of [{}, PHONE]) {
    const { page, mock } = await meet({ history: true }, { reducedMotion: 'no-preference', ...visitor });
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
    await until(() => tiles(page).count(), 14);
    // Whatever is still to come has come when the lines are quiet and the letters are there.
    await page.evaluate(() => document.fonts.ready);
    await page.waitForFunction(() => [...document.images].every((image) => image.complete || image.loading === 'lazy'));
    await page.waitForTimeout(500);
    const shifted = () => page.evaluate(() => (window as unknown as { shifted: number }).shifted);
    expect(await shifted()).toBe(0);
    // A new picture pushes the others along, but what is below it stays where it is.
    const below = () => page.evaluate(() => Math.round((document.querySelector('#gallery')?.getBoundingClientRect().top ?? 0) + window.scrollY));
    const before = await below();
    // As long as the words before it, which take one line or two.
    mock.studio.hold(1);
    await page.fill('#prompt', 'a tall panda on a green background');
    await page.getByRole('button', { name: 'Generate' }).click();
    await heldAt(page, 1);
    await twoFrames(page);
    expect(await below()).toBe(before);
    mock.studio.hold(2);
    await page.locator('#stage img.preview').waitFor();
    await twoFrames(page);
    expect(await below()).toBe(before);
    mock.studio.letGo();
    await finished(page, 'a tall panda');
    await twoFrames(page);
    expect(await below()).toBe(before);
  }
});

test('the page is light: at most 80 KB packed', () => {
  const files = readdirSync(DIST, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.gz'));
  const bytes = files.reduce((sum, { parentPath, name }) => sum + gzipSync(readFileSync(`${parentPath}/${name}`), { level: 9 }).length, 0);
  expect(bytes).toBeLessThan(80 * 1024);
});
