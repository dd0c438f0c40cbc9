// A browser for a file of tests, and a fresh server and visitor for each of them; ways to wait that do not depend on
// how busy the machine is. It does NOT test anything.
//
// Who looks at something that passes has two ways: the mock holds it still (`mock.studio.hold`), or it is awaited from
// before it begins (`passing`), frame by frame. A locator asks only every half second, and would miss it.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { launch, mockServer, visit, type Mock, type MockOptions, type Visitor } from './harness.mjs';

let browser: Browser;
const open: { page: Page & { failures: string[] }; mock: Mock }[] = [];

export function setting(): void {
  beforeAll(async () => {
    browser = await launch();
  });

  afterEach(async () => {
    const failures: string[] = [];
    for (const { page, mock } of open.splice(0)) {
      failures.push(...page.failures);
      await page.context().close();
      await mock.close();
    }
    expect(failures, 'errors in the page').toEqual([]);
  });

  afterAll(() => browser.close());
}

/** A visitor before a mock server, to whom nothing moves unless the test is about that. */
export async function meet(server: MockOptions = {}, visitor: Visitor = {}): Promise<{ page: Page; mock: Mock }> {
  const mock = await mockServer(server);
  const page = await visit(browser, mock, { reducedMotion: 'reduce', ...visitor });
  open.push({ page, mock });
  await page.waitForSelector(server.token ? 'dialog' : '#stage > *');
  return { page, mock };
}

/** Another visitor, before the same server. */
export async function join(mock: Mock): Promise<Page> {
  const page = await visit(browser, mock, { reducedMotion: 'reduce', key: 'the-key-of-another-one' });
  open.unshift({ page, mock });
  await page.waitForSelector('#stage > *');
  return page;
}

export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** Writes a prompt and sends it with the keyboard. */
export async function draw(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt);
  await page.keyboard.press('Control+Enter');
}

/** The same, and waits until the server has it: the one that is sent next comes behind it. */
export async function drawInTurn(page: Page, mock: Mock, prompt: string): Promise<void> {
  const before = mock.studio.jobs.size;
  await draw(page, prompt);
  await until(() => mock.studio.jobs.size, before + 1);
}

/** Until the stage shows a finished picture of these words. */
export async function finished(page: Page, prompt: string): Promise<void> {
  await page.locator('#stage:has(.seal.pressed) .prompt', { hasText: prompt }).waitFor();
}

/** Until a job stands still at a step, and the stage says so. */
export async function heldAt(page: Page, step: number): Promise<void> {
  await page.locator('#stage .line', { hasText: `Step ${step} of 8` }).waitFor();
}

export function tiles(page: Page) {
  return page.locator('[data-picture]');
}

/** When the text of something shows, however briefly; to be begun before what brings it about. */
export async function passing(page: Page, selector: string, text: RegExp): Promise<void> {
  await page.waitForFunction(
    ([selector, source]) => [...document.querySelectorAll(selector as string)].some((node) => new RegExp(source as string).test(node.textContent ?? '')),
    [selector, text.source],
    { polling: 'raf' },
  );
}

/** Has what the page says in passing stay, until it is loaded again. */
export async function lasting(page: Page): Promise<void> {
  await page.evaluate(() => {
    const later = window.setTimeout.bind(window);
    const long = 2 ** 31 - 1;
    Object.assign(window, { setTimeout: (run: () => void, after = 0) => later(run, after >= 4000 ? long : after) });
  });
}

/** Loads the page again once the server has heard what it had to say when it went away. */
export async function reloadOnceDeleted(page: Page, mock: Mock, left: number): Promise<void> {
  await page.reload();
  await until(() => mock.studio.images.size, left);
  // The list may have been asked for before that.
  await page.reload();
  await page.waitForSelector('#stage > *');
}

/** The next frame but one: whatever was to follow from what has happened can be seen. */
export async function twoFrames(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

const PATIENCE_MS = 60_000;

/** Until something equals what is wanted; says what it was last. */
export async function until<T>(ask: () => Promise<T> | T, wanted: T): Promise<void> {
  await expect.poll(ask, { timeout: PATIENCE_MS, interval: 30 }).toEqual(wanted);
}
