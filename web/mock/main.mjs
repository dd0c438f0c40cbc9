// Starts the mock server from the command line:
//   node mock/main.mjs [--port 7860] [--step-ms 180] [--model demo|turbo] [--token T] [--pictures]

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { HISTORY } from './history.mjs';
import { start } from './server.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7860' },
    'step-ms': { type: 'string', default: '180' },
    model: { type: 'string', default: 'demo' },
    token: { type: 'string' },
    pictures: { type: 'boolean', default: false },
  },
});

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const mock = await start({
  port: Number(values.port),
  stepMs: Number(values['step-ms']),
  model: values.model,
  token: values.token,
  dist: existsSync(join(dist, 'index.html')) ? dist : undefined,
});
if (values.pictures) for (const { prompt, seed, width, height } of HISTORY) mock.studio.hang(prompt, seed, width, height);
console.log(`mock of zao serve at ${mock.url}`);
