// `npm run dev:mock`: the mock server and Vite's development server before it.

import { createServer } from 'vite';

import { HISTORY } from './history.mjs';
import { start } from './server.mjs';

const mock = await start({ stepMs: 250 });
for (const { prompt, seed, width, height } of HISTORY) mock.studio.hang(prompt, seed, width, height);
const vite = await createServer({ server: { proxy: { '/v1': mock.url, '/health': mock.url, '/mock': mock.url } } });
await vite.listen();
vite.printUrls();
