// A browser before a mock server that serves the built page. It does NOT test anything.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { HISTORY } from '../mock/history.mjs';
import { start } from '../mock/server.mjs';

/** The built page; $ZAO_PAGE is another one, so that trying things does not touch what is committed. */
export const DIST = process.env.ZAO_PAGE ?? fileURLToPath(new URL('../dist', import.meta.url));
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

export function launch() {
  // The folder alone cargo makes.
  if (!existsSync(join(DIST, 'index.html'))) throw new Error('there is no built page: run `npm run build` first');
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** What the browser of a visitor keeps as its key, unless it is another's. */
const KEY = 'the-key-of-a-visitor';

/** A mock, with the pictures of `history` in it: the visitor's own, or somebody else's. */
export async function mockServer({ history = false, ...options } = {}) {
  const mock = await start({ dist: DIST, stepMs: 20, dropMs: Infinity, ...options });
  const owner = history === 'others' ? 'the-key-of-somebody-else' : KEY;
  if (history) for (const { prompt, seed, width, height } of HISTORY) mock.studio.hang(prompt, seed, width, height, owner);
  return mock;
}

/** A fresh visitor's page at the mock; `key` makes it another visitor's. */
export async function visit(browser, mock, { key = KEY, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    colorScheme: 'light',
    acceptDownloads: true,
    ...options,
  });
  await context.addInitScript((key) => (localStorage['zao.client'] ??= JSON.stringify(key)), key);
  const page = await context.newPage();
  page.failures = [];
  page.on('pageerror', (error) => page.failures.push(String(error)));
  page.on('console', (message) => {
    // What a server refuses, or a connection that is cut, browsers note by themselves.
    if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) page.failures.push(message.text());
  });
  page.setDefaultTimeout(20_000);
  await page.goto(mock.url);
  return page;
}
