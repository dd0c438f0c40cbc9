// The page as `zao serve` gives it out: quickly, packed, kept, and from nowhere else. What it does is tested before a mock.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Browser, Response } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { DIST, launch } from './harness.mjs';

const ZAO = process.env.ZAO_BINARY ?? fileURLToPath(new URL('../../target/release/zao', import.meta.url));

/** Until something is to be seen, on a small machine that does other things as well. */
const FIRST_PAINT_MS = 1500;

let browser: Browser;
let server: ChildProcess;
let folder: string;
let url: string;

/** Starts the server at a port of its own choice. */
function serve(): Promise<string> {
  folder = mkdtempSync(join(tmpdir(), 'zao-page-'));
  const args = ['serve', '--model', 'demo', '--port', '0', '--folder', join(folder, 'jobs'), '--page', DIST];
  server = spawn(ZAO, args, { env: { ...process.env, HOME: folder, ZAO_HOME: join(folder, 'zao') } });
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
      const found = /http:\/\/[\d.]+:\d+/.exec(said);
      if (found) resolve(found[0]);
    });
    server.on('exit', () => reject(new Error(`the server ended: ${said}`)));
  });
}

const present = existsSync(ZAO);

beforeAll(async () => {
  if (!present) return;
  browser = await launch();
  url = await serve();
});

afterAll(async () => {
  if (!present) return;
  await browser.close();
  server.removeAllListeners('exit');
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!present)('the page is there soon, packed, and asks nobody else', async () => {
  const page = await (await browser.newContext()).newPage();
  const asked: Response[] = [];
  const failures: string[] = [];
  page.on('response', (response) => asked.push(response));
  page.on('pageerror', (error) => failures.push(String(error)));
  // Whatever the policy forbids is told here.
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()));
  await page.goto(url);
  await page.waitForSelector('#stage > *');
  expect(failures).toEqual([]);

  const hosts = new Set(asked.map((response) => new URL(response.url()).origin).filter((origin) => origin !== 'null'));
  expect([...hosts]).toEqual([url]);
  const main = asked.find((response) => new URL(response.url()).pathname === '/');
  expect(main?.headers()['content-security-policy']).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
  expect(main?.headers()['x-content-type-options']).toBe('nosniff');
  const assets = asked.filter((response) => /\.(js|css)$/.test(new URL(response.url()).pathname));
  expect(assets.length).toBeGreaterThan(0);
  for (const response of [main, ...assets]) expect(response?.headers()['content-encoding'], response?.url()).toBe('gzip');
  for (const response of assets) expect(response.headers()['cache-control']).toContain('immutable');

  const times = await page.evaluate(() => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const shifts = performance.getEntriesByType('layout-shift');
    return { paint: paint?.startTime, shifts: shifts.length };
  });
  console.log(`first contentful paint after ${times.paint?.toFixed(0)} ms`);
  expect(times.paint).toBeLessThan(FIRST_PAINT_MS);
  expect(times.shifts).toBe(0);
  await page.context().close();
});

test.skipIf(!present)('who comes again loads nothing that is the same', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector('#stage > *');
  await page.goto(url);
  await page.waitForSelector('#stage > *');
  // From the cache of the browser nothing comes over the line.
  const transferred = await page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter((entry) => /\.(js|css)$/.test(entry.name))
      .map((entry) => entry.transferSize),
  );
  expect(transferred.length).toBeGreaterThan(0);
  expect(transferred.every((size) => size === 0), transferred.join()).toBe(true);
  await context.close();
});
