// Makes src/api/openapi.ts of docs/openapi.json, which the server writes; with --check it only says whether that was done. It does
// NOT know any type.

import { readFile, writeFile } from 'node:fs/promises';

import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const FROM = new URL('../docs/openapi.json', import.meta.url);
const TO = new URL('src/api/openapi.ts', import.meta.url);

const HEAD = `// The interface of \`zao serve\`, made of docs/openapi.json by \`npm run types\`. Do not change it by hand.

`;

// JavaScript's numbers end at 2^53, seeds at 2^64: the page reads them as digits.
const seed = ts.factory.createTypeReferenceNode('Seed');

// Which routes there are, the page says where it asks; only what they take and give is wanted of the document.
const { openapi, info, components } = JSON.parse(await readFile(FROM, 'utf8'));

const nodes = await openapiTS({ openapi, info, paths: {}, components: { schemas: components.schemas } }, {
  inject: "import type { Seed } from './types';\n",
  transform: (schema) => {
    if (schema.format !== 'uint64') return undefined;
    const kinds = [schema.type].flat();
    return kinds.includes('null') ? ts.factory.createUnionTypeNode([seed, ts.factory.createLiteralTypeNode(ts.factory.createNull())]) : seed;
  },
});
const text = HEAD + astToString(nodes);

if (!process.argv.includes('--check')) {
  await writeFile(TO, text);
} else if ((await readFile(TO, 'utf8').catch(() => '')) !== text) {
  console.error('web/src/api/openapi.ts is not what docs/openapi.json says: run `npm run types`');
  process.exit(1);
}
