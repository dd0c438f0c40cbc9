// Pictures of the page in its main states, for the documentation: `npm run shots`, after
// `npm run build`. `npm run shots -- viewer` takes one; $SHOTS is another folder for them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { launch, mockServer, visit } from './harness.mjs';

const FOLDER = process.env.SHOTS ?? fileURLToPath(new URL('../../docs/images/page/', import.meta.url));
mkdirSync(FOLDER, { recursive: true });

const browser = await launch();

async function shot(name, { server = {}, visitor = {}, act = async () => {}, settle = 900 }) {
  const mock = await mockServer({ history: true, ...server });
  const page = await visit(browser, mock, visitor);
  await page.waitForSelector('#stage *');
  await act(page, mock);
  await page.waitForTimeout(settle);
  const bytes = await webp(await page.screenshot());
  writeFileSync(`${FOLDER}/${name}.webp`, bytes);
  if (page.failures.length > 0) console.error(name, page.failures);
  await page.context().close();
  await mock.close();
  console.log(`${name}: ${Math.round(bytes.length / 1024)} KB`);
}

/** A PNG as WebP, a fifth of its size; the browser is at hand and does it. */
async function webp(png) {
  const page = await browser.newPage();
  const url = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.92);
  }, `data:image/png;base64,${png.toString('base64')}`);
  await page.close();
  return Buffer.from(url.split(',')[1], 'base64');
}

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const draw = async (page, prompt) => {
  await page.fill('#prompt', prompt);
  await page.keyboard.press('Control+Enter');
};
const drawSeveral = async (page) => {
  await draw(page, 'a tiger face on a black background');
  await page.waitForTimeout(100);
  for (const prompt of ['a sailboat on a blue background', '熊猫，绿色背景', 'a teapot on an orange background']) await draw(page, prompt);
};
const step = (page, number) => page.waitForFunction((text) => document.title.startsWith(text), `${number}/`);

// Named on the command line; without a name, those that the documentation shows.
const DOCUMENTED = ['empty', 'generating', 'finished', 'gallery', 'viewer', 'queue', 'phone', 'phone-empty', 'dark', 'chinese', 'words', 'words-chinese', 'compare'];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : DOCUMENTED;
const SHOTS = {
  empty: { server: { history: false }, settle: 2600 },
  generating: {
    server: { stepMs: 400 },
    act: async (page) => {
      await draw(page, 'a tiger face on a black background');
      await step(page, 5);
    },
    settle: 200,
  },
  writing: {
    server: { stepMs: 400 },
    act: async (page) => {
      await draw(page, 'a tiger face on a black background');
      await step(page, 1);
    },
    settle: 500,
  },
  finished: {
    act: async (page) => {
      await draw(page, 'a tiger face on a black background');
      await page.waitForSelector('.seal.pressed');
    },
  },
  gallery: { act: (page) => page.evaluate(() => document.querySelector('.gallery').scrollIntoView()) },
  viewer: {
    act: async (page) => {
      await page.click('[data-picture] >> nth=2');
    },
  },
  compare: {
    act: async (page) => {
      await page.click('[data-picture] >> nth=3');
      await page.keyboard.press('c');
      await page.waitForSelector('.compare');
      for (let press = 0; press < 8; press++) await page.keyboard.press('ArrowRight');
    },
  },
  queue: {
    server: { stepMs: 600 },
    act: async (page, mock) => {
      await drawSeveral(page);
      mock.studio.submit({ prompt: 'a birthday cake', width: 384, height: 256 }, 'the-key-of-somebody-else');
      await step(page, 4);
      await page.click('nav .queue');
    },
  },
  four: {
    server: { stepMs: 60, model: 'turbo' },
    act: async (page) => {
      await page.fill('#prompt', 'a fox on a sky blue background');
      await page.getByRole('spinbutton', { name: 'Pictures' }).fill('4');
      await page.keyboard.press('Tab');
      await page.getByLabel('16:9').check();
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.seal.pressed');
    },
  },
  medium: { visitor: { viewport: { width: 1024, height: 768 } } },
  'medium-empty': { server: { history: false }, visitor: { viewport: { width: 1024, height: 768 } }, settle: 2600 },
  phone: { visitor: PHONE },
  'phone-empty': { server: { history: false }, visitor: PHONE, settle: 2600 },
  'phone-generating': {
    server: { stepMs: 400 },
    visitor: PHONE,
    act: async (page) => {
      await page.fill('#prompt', 'a tiger face on a black background');
      await page.click('.generate');
      await step(page, 3);
    },
    settle: 500,
  },
  'phone-viewer': { visitor: PHONE, act: (page) => page.click('[data-picture] >> nth=2') },
  dark: { visitor: { colorScheme: 'dark' } },
  'dark-empty': { server: { history: false }, visitor: { colorScheme: 'dark', locale: 'zh-CN' }, settle: 2600 },
  chinese: {
    visitor: { locale: 'zh-CN' },
    act: async (page) => {
      await draw(page, '熊猫，绿色背景');
      await page.waitForSelector('.seal.pressed');
    },
  },
  words: {
    server: { model: 'turbo' },
    act: async (page) => {
      await page.fill('#prompt', 'a very old lighthouse on a cliff, a sign that says Keep Off, stormy sea, stormy sea, loneliness, oil painting');
      await page.getByRole('button', { name: 'Parts' }).click();
      await page.locator('.chip').nth(1).hover();
    },
  },
  'words-chinese': {
    server: { model: 'turbo' },
    visitor: { locale: 'zh-CN' },
    act: async (page) => {
      await page.fill('#prompt', '唐代仕女，头戴金色发簪，手执团扇，，非常有氛围感，背景是屏风，工笔画');
      await page.locator('.chip').first().focus();
    },
  },
  'words-phone': {
    visitor: { ...PHONE, colorScheme: 'dark' },
    act: (page) => page.fill('#prompt', 'a very old lighthouse on a cliff, a sign that says Keep Off, loneliness, oil painting'),
  },
  recipe: {
    act: async (page) => {
      await page.evaluate(() => {
        const text = 'a lighthouse at dusk\nNegative prompt: people\nSteps: 12, Sampler: Euler, CFG scale: 2, Seed: 42, Size: 512x768';
        const data = new DataTransfer();
        data.setData('text/plain', text);
        document.querySelector('#prompt').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
      });
    },
  },
  mask: {
    act: async (page) => {
      await page.locator('#stage').getByRole('button', { name: 'Begin with it' }).click();
      await page.getByRole('button', { name: 'Paint where it may change' }).click();
      await page.waitForFunction(() => document.querySelector('canvas').width === 256);
      const box = await page.locator('canvas').boundingBox();
      await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.2);
      await page.mouse.down();
      for (let x = 0.25; x < 0.5; x += 0.02) await page.mouse.move(box.x + box.width * x, box.y + box.height * (0.18 + 0.03 * Math.sin(x * 30)));
      await page.mouse.up();
    },
  },
  began: {
    act: async (page) => {
      await page.locator('#stage').getByRole('button', { name: 'Begin with it' }).click();
    },
  },
  'phone-settings': { visitor: PHONE, act: (page) => page.locator('.fold').tap() },
  'given-up': {
    act: async (page, mock) => {
      mock.become('unhealthy', 'the worker failed 5 times within 600 s; see to that and start zao again');
      await page.reload();
      await page.waitForSelector('.banner');
    },
  },
  help: { act: (page) => page.keyboard.press('?') },
  failed: {
    act: async (page) => {
      await draw(page, 'a picture that will fail');
      await page.waitForSelector('.note');
    },
  },
  settings: {
    server: { model: 'turbo' },
    visitor: { viewport: { width: 1440, height: 1300 } },
    act: async (page) => {
      await page.click('summary');
      await page.selectOption('select[aria-label="Add a style"]', 'ink-wash');
      await page.click('.add');
    },
  },
};

for (const name of wanted) await shot(name, SHOTS[name]);
await browser.close();
