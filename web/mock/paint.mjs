// Which picture the mock "draws" for a prompt: one that the demo model drew, or rings of colour. It
// does NOT know jobs.

import { readFileSync, readdirSync } from 'node:fs';

import { decode } from './png.mjs';

const FOLDER = new URL('./pictures/', import.meta.url);
const FIXTURES = new Map(
  readdirSync(FOLDER).map((file) => [file.replace('.png', ''), decode(readFileSync(new URL(file, FOLDER)))]),
);

// Chinese words for what is in the folder, those that contain others first; English ones are the file names.
const CHINESE = [
  ['苹果，绿', 'green-apple'],
  ['苹果', 'apple'],
  ['猫头鹰', 'owl'],
  ['熊猫', 'panda'],
  ['猫', 'cat'],
  ['企鹅', 'penguin'],
  ['樱花', 'blossom'],
  ['狐狸', 'fox'],
  ['月饼', 'moon-cake'],
  ['蘑菇', 'mushroom'],
  ['帆船', 'sailboat'],
  ['茶壶', 'teapot'],
  ['老虎', 'tiger'],
  ['火箭', 'rocket'],
];

/** A picture of `width` x `height` pixels for a prompt; the same prompt and seed give the same one. */
export function paint(prompt, seed, width, height) {
  const words = prompt.toLowerCase();
  const chinese = CHINESE.find(([word]) => words.includes(word))?.[1];
  const english = [...FIXTURES.keys()].find((name) => words.includes(name.replace('-', ' ')));
  const name = chinese ?? english;
  const fixture = FIXTURES.get(name ?? '');
  return fixture
    ? once(`${name}, ${width}x${height}`, () => cover(fixture, width, height))
    : once(`${seed} ${prompt}, ${width}x${height}`, () => rings(prompt, seed, width, height));
}

/** `picture` on at most `side` pixels a side. */
export function thumbnail(picture, side) {
  return onceOf(picture, `thumbnail ${side}`, () => {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    return resize(picture, Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
  });
}

/** `picture` beneath noise, `clean` from 0 to 1, on at most `side` pixels a side: a preview. */
export function preview(picture, clean, side) {
  return onceOf(picture, `preview ${clean} ${side}`, () => {
    const { width, height, rgb } = thumbnail(picture, side);
    let state = 1;
    const noisy = rgb.map((value) => {
      state = (state * 48271) % 2147483647;
      const noise = state & 255;
      return value * clean + (90 + noise * 0.3) * (1 - clean);
    });
    return { width, height, rgb: noisy };
  });
}

/** `picture` in exactly `width` x `height` pixels, averaged where it gets smaller. */
function resize(picture, width, height) {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const top = Math.floor((y * picture.height) / height);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * picture.height) / height));
    for (let x = 0; x < width; x++) {
      const left = Math.floor((x * picture.width) / width);
      const right = Math.max(left + 1, Math.floor(((x + 1) * picture.width) / width));
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let v = top; v < bottom; v++) {
          for (let u = left; u < right; u++) sum += picture.rgb[(v * picture.width + u) * 3 + channel];
        }
        rgb[(y * width + x) * 3 + channel] = sum / ((bottom - top) * (right - left));
      }
    }
  }
  return { width, height, rgb };
}

// Painting takes longer than everything else here, and the same is asked for again and again.
const painted = new Map();
const derived = new WeakMap();

function once(name, make) {
  if (!painted.has(name)) painted.set(name, make());
  return painted.get(name);
}

function onceOf(picture, name, make) {
  const known = derived.get(picture) ?? new Map();
  derived.set(picture, known);
  if (!known.has(name)) known.set(name, make());
  return known.get(name);
}

// The background goes on beyond the edges, so that nothing of the thing itself is cut off; towards
// them the picture fades into it.
function cover(picture, width, height) {
  const side = Math.min(width, height);
  const inner = resize(picture, side, side);
  if (width === height) return inner;
  const ground = background(inner);
  const fade = side / 12;
  const [dx, dy] = [(width - side) >> 1, (height - side) >> 1];
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [x - dx, y - dy];
      // How deep inside it is, along the direction in which there is more than the picture.
      const depth = width > height ? Math.min(u, side - 1 - u) : Math.min(v, side - 1 - v);
      const clear = Math.min(1, Math.max(0, depth / fade - 0.3));
      const from = (Math.min(side - 1, Math.max(0, v)) * side + Math.min(side - 1, Math.max(0, u))) * 3;
      for (let channel = 0; channel < 3; channel++) {
        rgb[(y * width + x) * 3 + channel] = inner.rgb[from + channel] * clear + ground[channel] * (1 - clear);
      }
    }
  }
  return { width, height, rgb };
}

/** The mean colour near a picture's edges; at the very edges a decoder is a little off. */
function background({ width, height, rgb }) {
  const sum = [0, 0, 0];
  const inset = Math.floor(width / 32);
  for (let y = 0; y < height; y++) {
    for (const x of [inset, width - 1 - inset]) for (let channel = 0; channel < 3; channel++) sum[channel] += rgb[(y * width + x) * 3 + channel];
  }
  return sum.map((value) => value / (2 * height));
}

function rings(prompt, seed, width, height) {
  let hash = Number(BigInt(seed) % 9973n);
  for (const letter of prompt) hash = (hash * 31 + letter.codePointAt(0)) % 360360;
  const rgb = new Uint8Array(width * height * 3);
  const [cx, cy] = [0.3 + (hash % 7) / 16, 0.35 + (hash % 5) / 16];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const far = Math.hypot(x / width - cx, ((y / height - cy) * height) / width);
      const wave = Math.sin(far * 26 + hash) * 0.5 + 0.5;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const tone = Math.sin(hash * 0.7 + channel * 2.1 + far * 3) * 0.5 + 0.5;
        rgb[at + channel] = 40 + 190 * (tone * 0.7 + wave * 0.25);
      }
    }
  }
  return { width, height, rgb };
}
