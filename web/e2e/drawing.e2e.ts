// Drawing, queueing, cancelling, and what becomes of it when the page or the connection goes.

import { expect, test } from 'vitest';

import { draw, drawInTurn, finished, heldAt, meet, passing, setting, tiles, until } from './setting';

setting();

test('a newcomer draws with one press', async () => {
  const { page, mock } = await meet();
  await page.getByRole('heading', { name: 'Write it, and it is made.' }).waitFor();
  await page.getByRole('button', { name: 'an owl on a black background' }).click();
  await finished(page, 'an owl on a black background');
  expect(await page.inputValue('#prompt')).toBe('an owl on a black background');
  expect(mock.studio.images.size).toBe(1);
});

test('what the form says is what is sent', async () => {
  const { page, mock } = await meet({ model: 'turbo' });
  await page.fill('#prompt', '  a red apple ');
  await page.getByRole('radio', { name: /Draft/ }).check();
  await page.getByRole('radio', { name: '3:2' }).check();
  await page.getByRole('button', { name: 'Swap width and height' }).click();
  await page.getByRole('spinbutton', { name: 'Pictures' }).fill('2');
  await page.getByRole('button', { name: 'More: Steps' }).click();
  await page.fill('#seed', '18446744073709551615');
  await page.getByRole('button', { name: 'Leave something out' }).click();
  await page.fill('#negative', 'worms');
  await page.selectOption('select[aria-label="Add a style"]', 'ink-wash');
  await page.getByRole('button', { name: 'Generate' }).click();
  await until(() => mock.studio.jobs.size, 1);
  expect([...mock.studio.received.values()][0]).toEqual({
    prompt: 'a red apple',
    negative_prompt: 'worms',
    width: 624,
    height: 944,
    steps: 9,
    guidance: 0,
    count: 2,
    seed: '18446744073709551615',
    rng: 'torch-cpu',
    loras: [{ name: 'ink-wash', scale: 1 }],
    previews: 3,
  });
  await page.locator('#stage .seal.pressed').waitFor();
  expect(await page.locator('#stage .one button').count()).toBe(2);
});

test('the stage tells the step, writes a stroke for each, and shows previews', async () => {
  const { page, mock } = await meet();
  const seen = () =>
    page.evaluate(() => ({
      bar: Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')),
      strokes: document.querySelectorAll('#stage figcaption g:last-child path.ink').length,
      previews: document.querySelectorAll('#stage img.preview').length,
      title: document.title,
    }));
  // The first preview comes with the second step.
  mock.studio.hold(1);
  await draw(page, 'a tiger face on a black background');
  for (const [step, previews] of [[1, 0], [4, 1], [7, 1]] as const) {
    mock.studio.hold(step);
    await heldAt(page, step);
    await until(seen, { bar: 10 + 10 * step, strokes: 1 + step, previews, title: `${step}/8 · zao` });
  }
  mock.studio.letGo();
  await finished(page, 'a tiger face');
});

test('many jobs line up; the badge and the drawer say what waits', async () => {
  const { page, mock } = await meet({ stepMs: 250 });
  mock.studio.hold(1);
  for (const prompt of ['a panda', 'a fox', 'a teapot', 'a sailboat']) await drawInTurn(page, mock, prompt);
  await page.locator('#ahead', { hasText: /^4 ahead, about \d+ s$/ }).waitFor();
  await page.getByRole('button', { name: 'Queue: 4' }).click();
  const drawer = page.getByRole('dialog', { name: 'Queue' });
  await until(() => drawer.locator('ol .prompt').allTextContents(), ['a panda', 'a fox', 'a teapot', 'a sailboat']);
  expect(await drawer.locator('li').nth(2).textContent()).toMatch(/1 ahead · about \d+ s left/);
  await drawer.getByRole('button', { name: 'Cancel: a teapot' }).click();
  await until(() => drawer.locator('ol').first().locator('.prompt').allTextContents(), ['a panda', 'a fox', 'a sailboat']);
});

test('Esc cancels what is drawn, and its words stay in the box', async () => {
  const { page, mock } = await meet();
  mock.studio.hold(2);
  await draw(page, 'a panda on a green background');
  await heldAt(page, 2);
  await page.keyboard.press('Escape');
  await page.locator('#stage .line', { hasText: 'Stopping' }).waitFor();
  mock.studio.letGo();
  await until(() => [...mock.studio.jobs.values()].map((job) => job.status), ['cancelled']);
  await page.getByRole('heading', { name: 'Write it, and it is made.' }).waitFor();
  expect(await page.inputValue('#prompt')).toBe('a panda on a green background');
});

test('a page that is loaded again finds its jobs and its form', async () => {
  const { page, mock } = await meet();
  mock.studio.hold(3);
  await page.fill('#seed', '99');
  await drawInTurn(page, mock, 'a panda on a green background');
  await draw(page, 'a fox on a sky blue background');
  await page.getByRole('button', { name: 'Queue: 2' }).waitFor();
  await heldAt(page, 3);
  await page.reload();
  await page.locator('#stage .prompt', { hasText: 'a panda' }).waitFor();
  await heldAt(page, 3);
  // It follows what it has found.
  mock.studio.hold(5);
  await heldAt(page, 5);
  mock.studio.letGo();
  await finished(page, 'a fox');
  expect(await page.inputValue('#prompt')).toBe('a fox on a sky blue background');
  expect(await page.inputValue('#seed')).toBe('99');
  await until(() => tiles(page).count(), 2);
});

test('a lost connection is said, and made good for', async () => {
  const { page, mock } = await meet();
  await draw(page, 'a panda, drop the line');
  await page.getByRole('alert').filter({ hasText: 'The server does not answer' }).waitFor();
  const connected = passing(page, '.notices p', /Connected again\./);
  mock.back();
  await connected;
  await finished(page, 'a panda');
  expect(await page.getByText('The server does not answer').count()).toBe(0);
});

test('a job that fails says why and what to do, and can be drawn again', async () => {
  const { page, mock } = await meet();
  await draw(page, 'a panda that will fail');
  await page.getByRole('heading', { name: 'It could not be drawn' }).waitFor();
  await page.getByText('Choose a smaller size or fewer pictures.').first().waitFor();
  await page.fill('#prompt', '');
  await page.getByRole('button', { name: 'Put it back into the form' }).click();
  expect(await page.inputValue('#prompt')).toBe('a panda that will fail');
  await page.fill('#prompt', 'a panda');
  await page.keyboard.press('Control+Enter');
  await finished(page, 'a panda');
  expect(mock.studio.jobs.size).toBe(2);
});

test('a worker that is replaced loses nothing', async () => {
  const { page } = await meet();
  await draw(page, 'a panda to requeue');
  await finished(page, 'a panda to requeue');
});

test('a full queue says when to try again, and keeps the words', async () => {
  const { page, mock } = await meet({ maxQueue: 1 });
  mock.studio.hold(1);
  const statuses = () => [...mock.studio.jobs.values()].map((job) => job.status);
  await draw(page, 'a panda');
  await until(statuses, ['running']);
  await draw(page, 'a fox');
  await until(statuses, ['running', 'queued']);
  const told = passing(page, '.bar [role=alert]', /The queue is full.*Try again in [1-3] s/);
  await draw(page, 'a teapot');
  await told;
  expect(await page.inputValue('#prompt')).toBe('a teapot');
  await page.getByRole('button', { name: 'Try again' }).waitFor();
});

test('what the server refuses is said where it belongs', async () => {
  const { page, mock } = await meet();
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.locator('#prompt-says', { hasText: 'Write what you would like to see first.' }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('prompt');
  await draw(page, 'a'.repeat(4001));
  await page.locator('#prompt-says', { hasText: /The prompt is too long.*Shorten it/ }).waitFor();
  await page.fill('#prompt', 'a panda');
  await page.getByRole('spinbutton', { name: 'Width' }).fill('250');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByText('The nearest that work are 240 and 256.').waitFor();
  expect(mock.studio.jobs.size).toBe(0);
});

test('a server that asks for a token gets it, for pictures too', async () => {
  const { page } = await meet({ token: 'sesame' });
  const dialog = page.getByRole('dialog', { name: 'This server asks for a token' });
  await dialog.getByLabel('Token').fill('guess');
  await page.keyboard.press('Enter');
  await dialog.getByText('That is not it.').waitFor();
  await dialog.getByLabel('Token').fill('sesame');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await draw(page, 'a panda on a green background');
  await finished(page, 'a panda');
  await page.waitForFunction(() => document.querySelector<HTMLImageElement>('[data-picture] img')?.naturalWidth === 256);
});
