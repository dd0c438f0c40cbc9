// PNG in and out: 8-bit RGB or palette, with iTXt texts. Only what the mock's own pictures need.

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** @typedef {{ width: number, height: number, rgb: Uint8Array }} Picture */

// The same few pictures are asked for again and again, each time with other texts.
const packed = new WeakMap();

/** A PNG of `picture`, with each of `texts` (keyword to text) as an iTXt chunk before the pixels. */
export function encode(picture, texts = {}) {
  const { width, height } = picture;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunks = [chunk('IHDR', header)];
  for (const [keyword, text] of Object.entries(texts)) {
    chunks.push(chunk('iTXt', Buffer.concat([Buffer.from(keyword), Buffer.alloc(5), Buffer.from(text)])));
  }
  chunks.push(pixels(picture), chunk('IEND', Buffer.alloc(0)));
  return Buffer.concat([SIGNATURE, ...chunks]);
}

function pixels(picture) {
  const known = packed.get(picture);
  if (known) return known;
  const { width, height, rgb } = picture;
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (1 + width * 3) + 1);
  }
  const made = chunk('IDAT', deflateSync(rows, { level: 3 }));
  packed.set(picture, made);
  return made;
}

/** The pixels of a PNG that this module or the fixtures' encoder wrote. */
export function decode(png) {
  let width = 0;
  let height = 0;
  let colour = 2;
  let palette = null;
  const data = [];
  for (const [kind, body] of chunks(png)) {
    if (kind === 'IHDR') {
      width = body.readUInt32BE(0);
      height = body.readUInt32BE(4);
      colour = body[9];
      if (body[8] !== 8 || (colour !== 2 && colour !== 3)) throw new Error('only 8-bit RGB and palette PNGs are read');
    } else if (kind === 'PLTE') {
      palette = body;
    } else if (kind === 'IDAT') {
      data.push(body);
    }
  }
  const channels = colour === 3 ? 1 : 3;
  const samples = unfilter(inflateSync(Buffer.concat(data)), width, height, channels);
  if (!palette) return { width, height, rgb: samples };
  const rgb = new Uint8Array(width * height * 3);
  samples.forEach((index, at) => rgb.set(palette.subarray(index * 3, index * 3 + 3), at * 3));
  return { width, height, rgb };
}

/** The iTXt and tEXt texts of a PNG, by keyword; null where it is none. */
export function texts(png) {
  if (!png.subarray(0, 8).equals(SIGNATURE)) return null;
  const found = {};
  for (const [kind, body] of chunks(png)) {
    const end = body.indexOf(0);
    if (kind === 'tEXt') found[body.toString('latin1', 0, end)] = body.toString('latin1', end + 1);
    if (kind === 'iTXt') {
      const language = body.indexOf(0, end + 3);
      const translated = body.indexOf(0, language + 1);
      found[body.toString('latin1', 0, end)] = body.toString('utf8', translated + 1);
    }
  }
  return found;
}

function* chunks(png) {
  for (let at = 8; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    yield [png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length)];
    at += 12 + length;
  }
}

function chunk(kind, body) {
  const typed = Buffer.concat([Buffer.from(kind, 'latin1'), body]);
  const whole = Buffer.alloc(typed.length + 8);
  whole.writeUInt32BE(body.length, 0);
  whole.set(typed, 4);
  whole.writeUInt32BE(crc32(typed), typed.length + 4);
  return whole;
}

function unfilter(rows, width, height, channels) {
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? out[y * stride + x - channels] : 0;
      const up = y > 0 ? out[(y - 1) * stride + x] : 0;
      const corner = x >= channels && y > 0 ? out[(y - 1) * stride + x - channels] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      out[y * stride + x] = (rows[y * (stride + 1) + 1 + x] + guess) & 255;
    }
  }
  return out;
}

function paeth(left, up, corner) {
  const estimate = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(estimate - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
