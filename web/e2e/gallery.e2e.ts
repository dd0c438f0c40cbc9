// The pictures that were made: looking at them, taking them over, bringing them back as files.

import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { texts } from '../mock/png.mjs';
import { draw, finished, lasting, meet, reloadOnceDeleted, setting, tiles, twoFrames, until } from './setting';

setting();

/** Drops a file onto the page, as from a file manager. */
async function drop(page: Page, name: string, type: string, bytes: Buffer): Promise<void> {
  const data = await page.evaluateHandle(
    ([name, type, b64]) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(b64 as string), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], name as string, { type: type as string }));
      return data;
    },
    [name, type, bytes.toString('base64')],
  );
  for (const event of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('body', event, { dataTransfer: data });
}

async function paste(page: Page, text: string): Promise<void> {
  await page.locator('#prompt').evaluate((box, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

/** Whether the browser has put something away, which takes it a moment. */
const stored = (page: Page, name: string) =>
  page.evaluate(
    (name) =>
      new Promise<boolean>((resolve) => {
        const opening = indexedDB.open('zao', 1);
        // Who only looks makes no database: the page's own would find it without its store.
        opening.onupgradeneeded = () => opening.transaction?.abort();
        opening.onerror = () => resolve(false);
        opening.onsuccess = () => {
          const request = opening.result.transaction('files').objectStore('files').get(name);
          request.onsuccess = () => (opening.result.close(), resolve(typeof request.result === 'string'));
        };
      }),
    name,
  );

const values = (page: Page) =>
  page.evaluate(() => {
    const value = (selector: string) => document.querySelector<HTMLInputElement>(selector)?.value;
    return { prompt: value('#prompt'), seed: value('#seed'), width: value('[aria-label="Width"]'), height: value('[aria-label="Height"]') };
  });

test('pictures of earlier days hang there, newest first, and the newest is in front', async () => {
  const { page } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  expect(await tiles(page).first().getAttribute('aria-label')).toBe('Open: a red apple on a blue background');
  expect(await page.locator('#stage .prompt').textContent()).toBe('a red apple on a blue background');
});

test('use all, remix and single parts are taken over, and can be undone', async () => {
  const { page } = await meet({ history: true });
  await lasting(page);
  await page.fill('#prompt', 'my own words');
  await page.getByRole('button', { name: 'Open: a sailboat on a blue background' }).click();
  const viewer = page.getByRole('dialog', { name: 'a sailboat on a blue background' });
  await viewer.getByRole('button', { name: 'Use all' }).click();
  await viewer.waitFor({ state: 'detached' });
  expect(await values(page)).toEqual({ prompt: 'a sailboat on a blue background', seed: '3001', width: '448', height: '256' });
  await page.getByRole('button', { name: 'Undo' }).click();
  expect(await values(page)).toEqual({ prompt: 'my own words', seed: '', width: '256', height: '256' });

  await page.fill('#seed', '5');
  await page.getByRole('button', { name: 'Open: a sailboat on a blue background' }).click();
  await viewer.getByRole('button', { name: 'Remix' }).click();
  await until(() => values(page), { prompt: 'a sailboat on a blue background', seed: '', width: '448', height: '256' });

  // In front stands the apple.
  const stage = page.locator('#stage');
  await stage.getByRole('button', { name: 'Seed' }).click();
  await until(() => page.inputValue('#seed'), '7');
  await stage.getByRole('button', { name: 'Size' }).click();
  await until(() => values(page), { prompt: 'a sailboat on a blue background', seed: '7', width: '256', height: '256' });
  await stage.getByRole('button', { name: 'Words' }).click();
  await until(() => page.inputValue('#prompt'), 'a red apple on a blue background');
});

test('arrow keys move among pictures as they lie, and from one to the next in the viewer', async () => {
  const { page } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  await page.keyboard.press('g');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
  expect(await focused()).toBe('Open: a red apple on a blue background');
  await page.keyboard.press('ArrowRight');
  expect(await focused()).toBe('Open: an owl on a black background');
  await page.keyboard.press('ArrowDown');
  const below = await focused();
  expect(below).not.toMatch(/apple on a blue|owl/);
  await page.keyboard.press('ArrowUp');
  expect(await focused()).toBe('Open: an owl on a black background');

  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'an owl on a black background' }).waitFor();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('dialog', { name: 'a penguin on a sky blue background' }).waitFor();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.getByRole('dialog', { name: 'a red apple on a blue background' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(await focused()).toBe('Open: an owl on a black background');
});

test('S, R and D mean the picture with the focus', async () => {
  const { page } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  await page.keyboard.press('g');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('s');
  await until(() => page.inputValue('#seed'), '77');
  await page.keyboard.press('r');
  await until(() => page.inputValue('#prompt'), 'an owl on a black background');
  expect(await page.inputValue('#seed')).toBe('');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('d')]);
  expect(download.suggestedFilename()).toBe('an-owl-on-a-black-background-77.png');
  const found = texts(await readFile(await download.path())) as Record<string, string>;
  expect(JSON.parse(found.zao ?? '')).toMatchObject({ prompt: 'an owl on a black background', seed: 77 });
});

test('a picture that is kept says so, also after a reload, until it is let go', async () => {
  const { page, mock } = await meet({ history: true });
  await tiles(page).nth(1).click();
  const viewer = page.getByRole('dialog', { name: 'an owl on a black background' });
  const keep = viewer.getByRole('button', { name: 'Keep' });
  const pressed = () => keep.getAttribute('aria-pressed');
  expect(await pressed()).toBe('false');
  await lasting(page);
  await keep.click();
  await until(pressed, 'true');
  await page.getByText('Kept until somebody deletes it.').waitFor();
  await page.keyboard.press('Escape');
  const tile = page.getByRole('button', { name: 'Open: an owl on a black background (kept)' });
  await tile.waitFor();
  await page.reload();
  await tile.waitFor();

  // The key means the one with the focus.
  await tile.focus();
  await page.keyboard.press('k');
  await page.getByRole('button', { name: 'Open: an owl on a black background', exact: true }).waitFor();
  expect([...mock.studio.images.values()].some(({ image }) => image.kept)).toBe(false);

  // Where no more may be kept, that is told and nothing changes.
  for (let at = 0; at < 3; at++) {
    await tiles(page).nth(at).focus();
    await page.keyboard.press('k');
    await until(async () => (await tiles(page).nth(at).getAttribute('aria-label'))?.endsWith('(kept)'), true);
  }
  await lasting(page);
  await tiles(page).nth(3).focus();
  await page.keyboard.press('k');
  await page.getByText('There is no room to keep another').waitFor();
  expect((await tiles(page).nth(3).getAttribute('aria-label'))?.endsWith('(kept)')).toBe(false);
});

test('to keep a picture does not show it anew', async () => {
  const { page, mock } = await meet({ history: true });
  mock.studio.hang('a fox', 1, 1280, 960, 'the-key-of-a-visitor');
  await page.reload();
  await until(() => tiles(page).count(), 15);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  await tiles(page).first().click();
  await page.locator('.enlarge').click();
  await page.locator('.wall.real').waitFor();
  await page.keyboard.press('k');
  await page.getByRole('dialog').getByRole('button', { name: 'Keep', pressed: true }).waitFor();
  expect(await page.locator('.wall.real').count()).toBe(1);
  expect(asked.filter((one) => one.endsWith('/recipe'))).toHaveLength(1);
});

test('a list that was asked for before a picture was kept does not take that back', async () => {
  const { page, mock } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  let answer = () => {};
  const late = new Promise<void>((resolve) => (answer = resolve));
  const asked = new Promise<void>((resolve) => {
    void page.route(/\/v1\/images\?/, async (route) => {
      const response = await route.fetch();
      resolve();
      await late;
      await route.fulfill({ response });
    });
  });
  // The streams begin again, and the page asks what it has missed.
  mock.studio.cutEverything();
  await asked;
  await tiles(page).first().focus();
  await page.keyboard.press('k');
  const kept = page.getByRole('button', { name: 'Open: a red apple on a blue background (kept)' });
  await kept.waitFor();
  const answered = page.waitForResponse(/\/v1\/images\?/);
  answer();
  await (await answered).finished();
  await twoFrames(page);
  expect(await kept.count()).toBe(1);
});

test('a deleted picture can be taken back, and else is gone for good', async () => {
  const { page, mock } = await meet({ history: true });
  await until(() => tiles(page).count(), 14);
  await lasting(page);
  await page.keyboard.press('g');
  await page.keyboard.press('Delete');
  await until(() => tiles(page).count(), 13);
  await page.getByRole('button', { name: 'Undo' }).click();
  await until(() => tiles(page).count(), 14);
  expect(await tiles(page).first().getAttribute('aria-label')).toBe('Open: a red apple on a blue background');
  expect(mock.studio.images.size).toBe(14);

  await page.locator('#stage').getByRole('button', { name: 'Delete' }).click();
  await until(() => tiles(page).count(), 13);
  expect(mock.studio.images.size).toBe(14);
  await reloadOnceDeleted(page, mock, 13);
  await until(() => tiles(page).count(), 13);
});

test('what is deleted in the viewer is what one looks at, and the next comes into view', async () => {
  const { page, mock } = await meet({ history: true });
  await tiles(page).nth(1).click();
  await page.getByRole('dialog', { name: 'an owl on a black background' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'a penguin on a sky blue background' }).waitFor();
  await reloadOnceDeleted(page, mock, 13);
  await until(() => tiles(page).count(), 13);
  expect(await page.getByRole('button', { name: 'Open: an owl on a black background' }).count()).toBe(0);
  expect(await page.getByRole('button', { name: 'Open: a penguin on a sky blue background' }).count()).toBe(1);
});

test('a PNG that is dropped shows what would change, and is taken over', async () => {
  const { page, mock } = await meet({ history: true });
  const list = (await (await fetch(`${mock.url}/v1/images`)).json()) as { images: { url: string; prompt: string }[] };
  const sailboat = list.images.find(({ prompt }) => prompt.includes('sailboat'));
  const png = Buffer.from(await (await fetch(mock.url + sailboat?.url)).arrayBuffer());
  await page.fill('#prompt', 'my own words');
  await drop(page, 'boat.png', 'image/png', png);
  const dialog = page.getByRole('dialog', { name: 'This picture tells how it was made' });
  await dialog.getByText('boat.png · written by zao').waitFor();
  expect(await dialog.locator('tbody tr').allTextContents()).toEqual([
    expect.stringMatching(/Prompt\s*my own words\s*a sailboat on a blue background/),
    expect.stringMatching(/Size\s*256 × 256\s*448 × 256/),
    expect.stringMatching(/Seed\s*new each time\s*3001/),
  ]);
  await dialog.getByRole('button', { name: 'Take over all' }).click();
  expect(await values(page)).toEqual({ prompt: 'a sailboat on a blue background', seed: '3001', width: '448', height: '256' });
});

test('parameters that are pasted are recognised, or pasted as they are', async () => {
  const { page } = await meet();
  const text = 'a lighthouse\nNegative prompt: people\nSteps: 12, Sampler: Euler, CFG scale: 2, Seed: 42, Size: 512x768';
  await paste(page, text);
  const dialog = page.getByRole('dialog', { name: 'These are the parameters of a picture' });
  await dialog.getByRole('button', { name: 'All but the seed' }).click();
  expect(await values(page)).toEqual({ prompt: 'a lighthouse', seed: '', width: '512', height: '768' });
  expect(await page.inputValue('#negative')).toBe('people');
  await page.fill('#prompt', '');
  await paste(page, text);
  await dialog.getByRole('button', { name: 'Paste as text' }).click();
  expect(await page.inputValue('#prompt')).toBe(text);
});

test('a picture begins with another one, from the gallery or from a file, also after a reload', async () => {
  const { page, mock } = await meet({ history: true });
  await page.locator('#stage').getByRole('button', { name: 'Begin with it' }).click();
  await page.getByText('From your pictures').waitFor();
  await page.fill('#strength', '0.4');
  await draw(page, 'a green apple');
  await finished(page, 'a green apple');
  const request = () => [...mock.studio.received.values()].at(-1);
  expect(request()).toMatchObject({ image: [...mock.studio.images.keys()][13], strength: 0.4 });

  await page.getByRole('button', { name: 'Begin without a picture' }).click();
  const jpeg = await page.evaluate(() => document.createElement('canvas').toDataURL('image/jpeg'));
  await drop(page, 'sketch.jpg', 'image/jpeg', Buffer.from(jpeg.split(',')[1] ?? '', 'base64'));
  await page.getByText('sketch.jpg').waitFor();
  // A canvas is 300 x 150 unless somebody says otherwise, and so is the picture's shape.
  await until(async () => Object.values(await values(page)).slice(2), ['352', '176']);
  await until(() => stored(page, 'beginning'), true);
  await page.reload();
  await page.getByText('sketch.jpg').waitFor();
  await draw(page, 'a drawing of a panda');
  await finished(page, 'a drawing of a panda');
  expect(request()).toMatchObject({ image: jpeg, strength: 0.4 });

  await drop(page, 'notes.txt', 'text/plain', Buffer.from('hello'));
  await page.getByText('This is not a picture that can be read.').waitFor();
});

test('only what is painted may change, by pointer and by keys, also after a reload', async () => {
  const { page, mock } = await meet({ history: true });
  await page.locator('#stage').getByRole('button', { name: 'Begin with it' }).click();
  await page.getByRole('button', { name: 'Paint where it may change' }).click();
  const glass = page.getByRole('application', { name: /Paint over what may change/ });
  await page.waitForFunction(() => document.querySelector('canvas')?.width === 256);
  const box = await glass.boundingBox();
  if (!box) throw new Error('the glass is not shown');
  const at = (x: number, y: number) => [box.x + box.width * x, box.y + box.height * y] as const;
  await page.mouse.move(...at(0.2, 0.2));
  await page.mouse.down();
  await page.mouse.move(...at(0.6, 0.2), { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(0, 0);
  // Keys begin in the middle when no pointer is on the glass any more.
  await page.locator('.brush').waitFor({ state: 'detached' });
  await glass.focus();
  await page.keyboard.press(' ');
  await page.getByRole('button', { name: 'Done' }).click();
  await until(() => stored(page, 'mask'), true);
  await page.reload();
  await page.getByRole('button', { name: 'Only where it is painted' }).waitFor();
  await draw(page, 'a green apple');
  await finished(page, 'a green apple');
  const mask = [...mock.studio.received.values()].at(-1)?.mask as string;
  const light = await page.evaluate(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    context.drawImage(image, 0, 0);
    const spots: [number, number][] = [[0.4, 0.2], [0.5, 0.5], [0.4, 0.8], [0.9, 0.2]];
    return [image.width, ...spots.map(([x, y]) => context.getImageData(x * image.width, y * image.height, 1, 1).data[0])];
  }, mask);
  expect(light).toEqual([256, 255, 255, 0, 0]);
});

test('long words are folded in the viewer, so that what can be done stays in sight', async () => {
  const { page } = await meet();
  const prompt = 'a panda on a green background, '.repeat(60).trim();
  await draw(page, prompt);
  await page.locator('#stage .seal.pressed').waitFor();
  await page.locator('[data-picture]').first().click();
  const viewer = page.getByRole('dialog');
  await viewer.getByRole('button', { name: 'Show all of it' }).waitFor();
  const download = viewer.getByRole('button', { name: 'Download' });
  const bottom = async () => ((await download.boundingBox())?.y ?? 0) < 860;
  expect(await bottom()).toBe(true);
  await viewer.getByRole('button', { name: 'Show all of it' }).click();
  expect(await bottom()).toBe(false);
  await viewer.getByRole('button', { name: 'Show less' }).click();
  expect(await bottom()).toBe(true);
});

test('a picture that is larger than the window is seen pixel by pixel at a press', async () => {
  const { page, mock } = await meet({ history: true });
  await tiles(page).first().click();
  const button = page.getByRole('button', { name: 'Real size, pixel by pixel' });
  const width = () => page.locator('.hall figure').evaluate((figure) => figure.clientWidth);
  await until(width, 804);
  expect(await button.count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  mock.studio.hang('a fox on a sky blue background', 8, 1280, 1280);
  await page.reload();
  await until(() => tiles(page).count(), 15);
  await tiles(page).first().click();
  await button.waitFor();
  // What is pressed comes into the middle.
  const box = await button.boundingBox();
  await page.mouse.click((box?.x ?? 0) + 600, (box?.y ?? 0) + 700);
  await until(width, 1280);
  const scrolled = () => page.locator('.wall').evaluate(({ scrollLeft, scrollTop }) => [scrollLeft > 100, scrollTop > 200]);
  await until(scrolled, [true, true]);
  await button.press('Enter');
  await until(width, 804);
  await button.press('Enter');
  await page.keyboard.press('ArrowRight');
  await page.getByRole('dialog', { name: 'a red apple on a blue background' }).waitFor();
  await until(width, 804);
});

test('a picture that the server has let go of leaves the gallery', async () => {
  const { page, mock } = await meet();
  for (const prompt of ['a fox', 'a panda']) mock.studio.hang(prompt, 1, 256, 256);
  const [gone = ''] = mock.studio.images.keys();
  // It is listed, and goes before it is looked at.
  await page.route(`**/v1/images/${gone}?thumb=256`, (route) => {
    mock.studio.images.delete(gone);
    return route.continue();
  });
  // What only does not come is still there.
  await page.route(/thumb=256/, (route) => (route.request().url().includes(gone) ? route.fallback() : route.abort()));
  await page.reload();
  await page.getByRole('button', { name: 'Open: a panda' }).waitFor();
  await until(() => tiles(page).count(), 1);
});

test('below the pictures stands how long they stay', async () => {
  const { page } = await meet({ history: true });
  await page.getByText('Pictures are kept for 7 days, all of them together up to 2 GB').waitFor();
});

test('a viewer that is closed before its recipe has come leaves nothing behind', async () => {
  const { page } = await meet({ history: true });
  let closed = () => {};
  const afterwards = new Promise<void>((resolve) => (closed = resolve));
  await page.route('**/recipe', async (route) => {
    await afterwards;
    await route.continue();
  });
  const answered = page.waitForResponse('**/recipe');
  await tiles(page).nth(1).click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  closed();
  await (await answered).finished();
  // An error in the page would fail this test when it ends.
  await twoFrames(page);
  expect(await page.getByRole('dialog').count()).toBe(0);
});
