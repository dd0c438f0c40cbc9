// A browser for a file of tests, and a fresh server and visitor for each of them. It does NOT test
// anything.

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
    for (const { page, mock } of open.splice(0)) {
      const { failures } = page;
      await page.context().close();
      await mock.close();
      expect(failures, 'errors in the page').toEqual([]);
    }
  });

  afterAll(() => browser.close());
}

/** A visitor before a mock server. */
export async function meet(server: MockOptions = {}, visitor: Visitor = {}): Promise<{ page: Page; mock: Mock }> {
  const mock = await mockServer(server);
  const page = await visit(browser, mock, visitor);
  open.push({ page, mock });
  await page.waitForSelector(server.token ? 'dialog' : '#stage > *');
  return { page, mock };
}

/** Another visitor, before the same server. */
export async function join(mock: Mock): Promise<Page> {
  const page = await visit(browser, mock, { key: 'the-key-of-another-one' });
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

/** Until the stage shows a finished picture of these words. */
export async function finished(page: Page, prompt: string): Promise<void> {
  await page.locator('#stage .seal.pressed').waitFor();
  await page.locator('#stage .prompt', { hasText: prompt }).waitFor();
}

export function tiles(page: Page) {
  return page.locator('[data-picture]');
}

/** Until something holds; says what it was last. */
export async function until<T>(ask: () => Promise<T> | T, wanted: T): Promise<void> {
  let last: T | undefined;
  for (let attempt = 0; attempt < 300; attempt++) {
    last = await ask();
    if (JSON.stringify(last) === JSON.stringify(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(last).toEqual(wanted);
}
