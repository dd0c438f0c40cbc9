// What tests written in TypeScript use of png.mjs.

/** The texts of a PNG by their keywords. */
export function texts(png: Uint8Array): Record<string, string> | null;
