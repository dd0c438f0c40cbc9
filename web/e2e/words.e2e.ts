// Reading along while somebody writes: findings, parts, advice; and that nothing waits for them.

import { isDeepStrictEqual } from 'node:util';

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { draw, finished, lasting, meet, PHONE, setting, until } from './setting';

setting();

const chips = (page: Page) => page.locator('.chip').evaluateAll((nodes) => nodes.map((node) => node.textContent?.trim()));
const prompt = (page: Page) => page.inputValue('#prompt');
const marked = (page: Page) => page.locator('.under mark').allTextContents();
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.id);

test('what is found stands under the words, a press mends it, and that can be undone', async () => {
  const { page } = await meet();
  await lasting(page);
  await page.fill('#prompt', '🦊 a very old sign that says Keep Off');
  await until(() => chips(page), ['Remove very', 'Replace Keep Off with "Keep Off"']);
  expect(await marked(page)).toEqual(['very ', 'Keep Off']);
  await page.locator('.chip').nth(1).hover();
  await page.locator('.foot', { hasText: 'Text that should be drawn goes into quotes.' }).waitFor();
  expect(await page.locator('.under mark.looked').textContent()).toBe('Keep Off');
  await page.locator('.chip').nth(1).click();
  expect(await prompt(page)).toBe('🦊 a very old sign that says "Keep Off"');
  await until(() => chips(page), ['Remove very']);
  await page.locator('.chip').click();
  expect(await prompt(page)).toBe('🦊 a old sign that says "Keep Off"');
  await page.getByRole('button', { name: 'Undo' }).last().click();
  expect(await prompt(page)).toBe('🦊 a very old sign that says "Keep Off"');
  await until(() => chips(page), ['Remove very']);
});

test('all is fixed at once, but what somebody leaves', async () => {
  const { page } = await meet();
  await page.fill('#prompt', 'a very old and really red fox,, dusk');
  await page.getByRole('button', { name: 'Fix all' }).click();
  expect(await prompt(page)).toBe('a old and red fox, dusk');
  await until(() => chips(page), []);
  await page.fill('#prompt', 'a very old and really red fox,, dusk');
  await page.getByRole('button', { name: 'Leave “very” as it is' }).click();
  await until(() => chips(page), ['Remove really', 'Replace ,, with ,']);
  await page.getByRole('button', { name: 'Fix all' }).click();
  expect(await prompt(page)).toBe('a very old and red fox, dusk');
});

test('what only its writer can mend is selected', async () => {
  const { page } = await meet();
  await page.fill('#prompt', '🦊 in the rain, loneliness, oil');
  await page.getByRole('button', { name: 'Select loneliness to rewrite it' }).click();
  await page.keyboard.type('an empty bench');
  expect(await prompt(page)).toBe('🦊 in the rain, an empty bench, oil');
});

test('by keyboard the focus goes on from chip to chip, and home in the end', async () => {
  const { page } = await meet();
  await page.fill('#prompt', 'a very old and really red fox');
  await until(() => chips(page), ['Remove very', 'Remove really']);
  for (let stop = 0; stop < 5 && (await focused(page)) !== 'Remove very'; stop++) await page.keyboard.press('Tab');
  await page.locator('.foot', { hasText: '“very” adds nothing that can be drawn.' }).waitFor();
  expect(await page.locator('.chip').first().evaluate((chip) => document.getElementById(chip.getAttribute('aria-describedby') ?? '')?.textContent)).toContain(
    'adds nothing',
  );
  await page.keyboard.press('Enter');
  expect(await focused(page)).toBe('Remove really');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  expect(await focused(page)).toBe('prompt');
  expect(await prompt(page)).toBe('a old and really red fox');
});

test('one question a pause; an older one is taken back; Generate waits for none', async () => {
  const { page, mock } = await meet();
  const checks = () => mock.asked.filter(({ path }) => path.endsWith('/check')).map(({ body }) => body.prompt);
  // Letter by letter, and the page has time to follow each, but no clock goes on: a busy machine makes no pause of it.
  await page.locator('#prompt').evaluate(async (box: HTMLTextAreaElement) => {
    for (const letter of 'a never read, very red apple') {
      box.value += letter;
      box.dispatchEvent(new InputEvent('input', { bubbles: true }));
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  });
  await until(checks, ['a never read, very red apple']);
  const failed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/check'));
  await page.fill('#prompt', 'a really red apple');
  expect((await failed).failure()?.errorText).toContain('ABORTED');
  await until(() => chips(page), ['Remove really']);
  expect(checks()).toHaveLength(2);
  await page.fill('#prompt', 'a never read panda');
  await until(checks, ['a never read, very red apple', 'a really red apple', 'a never read panda']);
  expect(await page.getByRole('button', { name: 'Generate' }).isEnabled()).toBe(true);
  await page.keyboard.press('Control+Enter');
  await finished(page, 'a never read panda');
});

test('while somebody types on, what was found stays with its words', async () => {
  const { page } = await meet();
  await page.fill('#prompt', 'a very red fox');
  await until(() => marked(page), ['very ']);
  await page.focus('#prompt');
  await page.keyboard.press('Home');
  // Faster than the pause, so that there is no newer answer yet.
  await page.keyboard.insertText('dusk, ');
  expect(await marked(page)).toEqual(['very ']);
});

test('the lines stay under their words, however long they are, also when the box scrolls', async () => {
  const { page } = await meet({}, { viewport: { width: 1440, height: 500 } });
  const both = () =>
    page.evaluate(() =>
      ['#prompt', '.under'].map((name) => {
        const { scrollHeight, clientHeight, scrollTop } = document.querySelector(name) as HTMLElement;
        return { scrollHeight, clientHeight, scrollTop: Math.round(scrollTop) };
      }),
    );
  for (const words of ['a very old owl', 'a very old owl\n', `${'a red fox in the snow, '.repeat(40)}a very old owl`]) {
    await page.fill('#prompt', words);
    await until(() => marked(page), ['very ']);
    await page.locator('#prompt').evaluate((box) => (box.scrollTop = box.scrollHeight));
    await until(async () => isDeepStrictEqual(...((await both()) as [unknown, unknown])), true);
  }
  expect((await both())[0]?.scrollTop).toBeGreaterThan(0);
});

test('a server that does not read along is asked once, and nothing shows', async () => {
  const { page, mock } = await meet({ reads: false });
  await page.fill('#prompt', 'a very red fox');
  await until(() => mock.asked.map(({ path }) => path).sort(), ['/v1/prompt/advice', '/v1/prompt/check']);
  await page.getByRole('button', { name: 'Parts' }).click();
  await page.getByRole('button', { name: 'Parts' }).waitFor({ state: 'detached' });
  await page.fill('#prompt', 'a very red apple on a blue background');
  await page.waitForTimeout(500);
  expect(mock.asked).toHaveLength(3);
  expect(await page.locator('.findings, .parts, .tokens').count()).toBe(0);
  await draw(page, 'a red apple on a blue background');
  await finished(page, 'a red apple');
});

test('the parts are taken from the words, and make them', async () => {
  const { page } = await meet();
  await page.fill('#prompt', 'an old lighthouse, gannets, a cliff, oil painting');
  await page.getByRole('button', { name: 'Parts' }).click();
  const part = (name: string) => page.getByRole('textbox', { name, exact: true });
  await until(() => part('Style').inputValue(), 'oil painting');
  expect(await part('Subject').inputValue()).toBe('an old lighthouse');
  expect(await part('Details').inputValue()).toBe('gannets');
  await part('Details').fill('gannets\nfoam on the rocks\n');
  await until(() => prompt(page), 'an old lighthouse, gannets, foam on the rocks, a cliff, oil painting');
  await part('Style').fill('linocut');
  await until(() => prompt(page), 'an old lighthouse, gannets, foam on the rocks, a cliff, linocut');
  await page.fill('#prompt', 'a fox, snow');
  await until(() => part('Subject').inputValue(), 'a fox');
  expect(await part('Style').inputValue()).toBe('');
  await page.fill('#prompt', '');
  await until(() => part('Subject').inputValue(), '');
});

test('advice is quiet, and taken or declined', async () => {
  const { page } = await meet({ model: 'turbo' });
  const words = 'a fox, a hare, an owl, a badger and a toad at a table in the snow, lanterns';
  const advice = page.getByText('For these words: 9 steps.');
  await page.fill('#prompt', words);
  await advice.waitFor();
  await page.getByRole('button', { name: 'Apply' }).click();
  expect(await page.getByRole('spinbutton', { name: 'Steps' }).inputValue()).toBe('9');
  await advice.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Less: Steps' }).click();
  await advice.waitFor();
  await page.getByRole('button', { name: 'Hide this advice' }).click();
  await page.fill('#prompt', `${words}, candles`);
  await page.waitForTimeout(500);
  expect(await advice.count()).toBe(0);
});

test('in Chinese, and on a telephone, nothing sticks out', async () => {
  const { page, mock } = await meet({}, { ...PHONE, locale: 'zh-CN' });
  await page.fill('#prompt', '唐代仕女，头戴发簪，，非常有氛围感');
  await until(() => chips(page), ['把发簪换成发簪(fà zān)', '把，，换成，', '去掉非常', '选中氛围感来改写']);
  await page.getByText('4 条建议').waitFor();
  expect(mock.asked.find(({ path }) => path.endsWith('/check'))?.body.language).toBe('zh');
  await page.getByRole('button', { name: '分项' }).tap();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  await page.getByRole('button', { name: '全部修改' }).tap();
  await until(() => prompt(page), '唐代仕女，头戴发簪(fà zān)，有氛围感');
});
