// Packs what was built: the server sends a packed file to whoever takes it, and packs nothing itself.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

const TEXT = /\.(html|js|css|svg|json|webmanifest)$/;

let written = '';

/** Beside each file of text that gains by it, the same in gzip. */
export const pack = {
  name: 'pack',
  apply: 'build',
  configResolved: (config) => {
    written = resolve(config.root, config.build.outDir);
  },
  closeBundle: () => {
    const files = readdirSync(written, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && TEXT.test(entry.name));
    for (const { parentPath, name } of files) {
      const path = join(parentPath, name);
      const whole = readFileSync(path);
      const packed = gzipSync(whole, { level: 9 });
      if (packed.length < whole.length) writeFileSync(`${path}.gz`, packed);
    }
  },
};
