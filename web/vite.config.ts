import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

// The page is drawn by its script, so the browser waits for it before the first paint: nothing jumps,
// and a theme chosen by hand does not flash.
const paintOnce: Plugin = {
  name: 'paint-once',
  transformIndexHtml: {
    order: 'post',
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

// The server sends a packed file to whoever takes it, and packs nothing itself.
let written = '';
const pack: Plugin = {
  name: 'pack',
  apply: 'build',
  configResolved: (config) => {
    written = resolve(config.root, config.build.outDir);
  },
  closeBundle: () => {
    for (const { parentPath, name } of readdirSync(written, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
      const path = join(parentPath, name);
      const whole = readFileSync(path);
      const packed = gzipSync(whole, { level: 9 });
      if (/\.(html|js|css|svg|json|webmanifest)$/.test(name) && packed.length < whole.length) writeFileSync(`${path}.gz`, packed);
    }
  },
};

export default defineConfig({
  plugins: [svelte(), paintOnce, pack],
  build: {
    target: 'es2022',
    // The first ones with `light-dark()`.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:7860' } },
  test: { environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
