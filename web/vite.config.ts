import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

import { pack } from './pack.mjs';

// The page is drawn by its script, so the browser waits for it before the first paint: nothing jumps,
// and a theme chosen by hand does not flash.
const paintOnce: Plugin = {
  name: 'paint-once',
  transformIndexHtml: {
    order: 'post',
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
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
  server: { proxy: { '/v1': 'http://127.0.0.1:7860', '/health': 'http://127.0.0.1:7860' } },
  test: { environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
