// What can be done with a picture: taken over into the form, begun with, kept, downloaded. It does NOT show
// anything but a word that it was done.

import { Refused } from '../api/errors';
import type { Image, JobRequest } from '../api/types';
import { explain } from '../i18n/words';
import { taken, wishOf, type Part, type Wish } from '../logic/recall';
import { easel } from './easel.svelte';
import { form, type Beginning } from './form.svelte';
import { gallery } from './gallery.svelte';
import { notices } from './notices.svelte';
import { order } from './order.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

/** Puts a part of how `image` was made into the form. */
export async function recall(image: Image, part: Part): Promise<void> {
  const { words } = view;
  // Seed, size and words are known without asking; the rest is in the picture's recipe.
  let wish: Partial<Wish> = { seed: image.seed, width: image.width, height: image.height, prompt: image.prompt };
  let began = false;
  if (part !== 'size') {
    try {
      const recipe = await server.client.recipe(image.id);
      wish = wishOf(recipe);
      began = Boolean(recipe.image);
    } catch (error) {
      if (part === 'all' || part === 'remix') return void notices.show(explain(error, words));
    }
  }
  takeOver(wish, part, began && part === 'all' ? words.picture.began : '');
}

/** Puts a part of a wish into the form, says so, and offers what was there before. */
export function takeOver(wish: Partial<Wish>, part: Part, remark = ''): void {
  const { words } = view;
  const [before, beginning, mask] = [form.typed(), form.beginning, form.mask];
  put(wish, part);
  if (part === 'all' || part === 'remix') form.begin(null);
  const run = () => {
    form.put(before);
    form.begin(beginning);
    form.cover(mask);
  };
  notices.show(`${words.picture.used[part]} ${remark}`.trim(), { label: words.picture.undo, run });
}

/** Puts a request that was sent back into the form, with the picture that it began with. */
export function putBack(request: JobRequest): void {
  put(wishOf(request), 'all');
  form.put({ count: request.count ?? 1, strength: request.strength ?? form.strength });
  // The server does not send back the files that it was sent; the form may still have them.
  if (isLeftOut(request.image)) return;
  form.begin(beginningOf(request.image));
  if (!isLeftOut(request.mask)) form.cover(request.mask ?? null);
}

function put(wish: Partial<Wish>, part: Part): void {
  const some = taken(wish, part);
  const known = new Set(server.loras.map((lora) => lora.name));
  if (some.loras) some.loras = some.loras.filter((lora) => known.has(lora.name));
  form.put(some);
  if (some.width !== undefined) form.sized = true;
  order.clear();
}

function isLeftOut(file: string | null | undefined): boolean {
  return file === 'data:';
}

function beginningOf(image: string | null | undefined): Beginning | null {
  if (!image) return null;
  if (image.startsWith('data:')) return { kind: 'file', name: view.words.begin.label, url: image };
  return { kind: 'picture', id: image, url: `/v1/images/${encodeURIComponent(image)}?thumb=256` };
}

/** Makes the next picture begin with this one. */
export function beginWith(image: Image): void {
  form.begin({ kind: 'picture', id: image.id, url: image.thumb_url });
  form.put({ width: image.width, height: image.height, sized: true });
}

/** Keeps a picture until somebody deletes it; or no longer than others, if it was kept so. */
export async function keepForGood(image: Image): Promise<void> {
  const { words } = view;
  try {
    const now = await server.client.keep(image.id, !image.kept);
    gallery.put(now);
    if (easel.viewed?.id === now.id) easel.viewed = now;
    notices.show(now.kept ? words.picture.kept : words.picture.unkept);
  } catch (error) {
    server.heard(error);
    const full = error instanceof Refused && error.param === 'kept';
    notices.show(full ? words.picture.noRoom : explain(error, words));
  }
}

/** Saves the PNG, with the recipe in it, under a name that tells what it is. */
export async function download(image: Image): Promise<void> {
  try {
    const bytes = await server.client.bytes(image.url);
    const address = URL.createObjectURL(bytes);
    const link = Object.assign(document.createElement('a'), { href: address, download: fileName(image) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  } catch (error) {
    server.heard(error);
    notices.show(explain(error, view.words));
  }
}

export async function copySeed(image: Image): Promise<void> {
  try {
    await navigator.clipboard.writeText(image.seed);
    notices.show(view.words.picture.copied(image.seed));
  } catch {
    // Without HTTPS browsers refuse to copy: then the seed is put where it is most likely wanted.
    void recall(image, 'seed');
  }
}

function fileName(image: Image): string {
  const words = image.prompt
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
  return `${Array.from(words).slice(0, 48).join('') || 'zao'}-${image.seed}.png`;
}
