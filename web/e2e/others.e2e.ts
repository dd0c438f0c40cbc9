// Several people before one server: whose a job is, and who may do what with it.

import { expect, test } from 'vitest';

import { draw, finished, heldAt, join, meet, reloadOnceDeleted, setting, tiles, until } from './setting';

setting();

test('jobs of others show their size and time, not their words, and cannot be cancelled', async () => {
  const { page, mock } = await meet();
  mock.studio.hold(2);
  await draw(page, 'a secret surprise');
  await heldAt(page, 2);
  const other = await join(mock);
  await draw(other, 'a fox');
  await other.getByRole('button', { name: 'Queue: 2' }).click();
  const rows = other.getByRole('dialog', { name: 'Queue' }).locator('ol').first().locator('li');
  await until(() => rows.count(), 2);
  expect(await rows.first().textContent()).toMatch(/^\s*Someone else’s picture.*256 × 256/s);
  expect(await rows.first().getByRole('button').count()).toBe(0);
  expect(await other.locator('body').textContent()).not.toContain('secret surprise');
  await rows.nth(1).getByRole('button', { name: 'Cancel: a fox' }).click();
  await until(() => rows.count(), 1);
  expect(await rows.first().textContent()).toMatch(/^\s*Someone else’s picture/);
  // Esc closes the window, and then there is nothing of one's own that it could cancel.
  await other.keyboard.press('Escape');
  await other.getByRole('dialog').waitFor({ state: 'detached' });
  await other.keyboard.press('Escape');
  mock.studio.letGo();
  await finished(page, 'a secret surprise');
});

test('only those who had a picture made can delete it', async () => {
  const { page, mock } = await meet({ history: 'others' });
  await until(() => tiles(page).count(), 14);
  await tiles(page).first().click();
  const viewer = page.getByRole('dialog');
  await viewer.getByRole('button', { name: 'Download' }).waitFor();
  expect(await viewer.getByRole('button', { name: 'Delete' }).count()).toBe(0);
  await page.keyboard.press('Delete');
  await page.keyboard.press('Escape');
  expect(await tiles(page).count()).toBe(14);
  await draw(page, 'a panda');
  await finished(page, 'a panda');
  await until(() => tiles(page).count(), 15);
  await page.locator('#stage').getByRole('button', { name: 'Delete' }).click();
  await until(() => tiles(page).count(), 14);
  await reloadOnceDeleted(page, mock, 14);
  await until(() => tiles(page).count(), 14);
});

test('a browser keeps its key, and finds what is its own again', async () => {
  const { page } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  const key = await page.evaluate(() => localStorage.getItem('zao.client'));
  await page.reload();
  await page.locator('#stage').getByRole('button', { name: 'Delete' }).waitFor();
  expect(await page.evaluate(() => localStorage.getItem('zao.client'))).toBe(key);
});

test('a browser without a key makes one that the server takes', async () => {
  const { page } = await meet({}, { key: 'no key, as servers see it' });
  const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/v1/jobs'));
  await draw(page, 'a panda');
  expect((await sent).headers()['x-zao-client']).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
  await finished(page, 'a panda');
});

test('what a program of this machine sent can be cancelled here, after a question', async () => {
  const { page, mock } = await meet();
  mock.studio.hold(2);
  await draw(page, 'a panda');
  await heldAt(page, 2);
  const { id } = mock.studio.submit({ prompt: 'a rocket by another program' });
  await page.locator('nav .queue').click();
  const row = page.getByRole('dialog', { name: 'Queue' }).locator('li', { hasText: 'a rocket by another program' });
  await row.getByText('From another program').waitFor();
  const cancel = row.getByRole('button', { name: 'Cancel: a rocket by another program' });
  await cancel.click();
  const asked = row.getByRole('button', { name: 'Cancel it?' });
  await asked.waitFor();
  expect(mock.studio.jobs.get(id)?.status).toBe('queued');
  // Whoever turns away did not mean it.
  await page.keyboard.press('Tab');
  await cancel.click();
  await asked.click();
  await row.waitFor({ state: 'detached' });
  expect(mock.studio.jobs.get(id)?.status).toBe('cancelled');
});

test('what a program of this machine had drawn can be deleted here', async () => {
  const { page, mock } = await meet();
  mock.studio.hang('a rocket', 3, 256, 256);
  await page.reload();
  await tiles(page).first().click();
  await page.keyboard.press('Delete');
  await until(() => tiles(page).count(), 0);
  await reloadOnceDeleted(page, mock, 0);
  expect(await tiles(page).count()).toBe(0);
});
