// The types of `pack.mjs`, which runs in Node and whose types the page does not know.

import type { Plugin } from 'vite';

export declare const pack: Plugin;
