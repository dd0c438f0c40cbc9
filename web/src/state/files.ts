// Files that visitors bring: a PNG that tells how it was made, or any picture to begin with. It does
// NOT keep them.

import { Refused } from '../api/errors';
import { explain } from '../i18n/words';
import { wishOf } from '../logic/recall';
import { readParameters } from '../logic/parameters';
import { sizeOfShape } from '../logic/sizes';
import { easel } from './easel.svelte';
import { form } from './form.svelte';
import { notices } from './notices.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

/** Looks into a file that was dropped anywhere. */
export async function look(file: File): Promise<void> {
  const { words } = view;
  if (!file.type.startsWith('image/')) return void notices.show(words.begin.notPicture);
  if (file.type !== 'image/png') return begin(file);
  try {
    const { recipe, request, parameters, source } = await server.client.pngInfo(file);
    const made = recipe ?? request ?? (parameters ? readParameters(parameters) : null);
    easel.found = { wish: made && wishOf(made), source, file, text: null };
  } catch (error) {
    if (!(error instanceof Refused)) server.heard(error);
    notices.show(explain(error, words));
  }
}

/** Makes the next picture begin with a file; it stays here where it cannot be used. */
export async function begin(file: File): Promise<void> {
  const { begin: words } = view.words;
  const most = server.capabilities?.inputs.max_bytes ?? 20_000_000;
  if (file.size > most) return void notices.show(words.tooLarge(String(Math.floor(most / 1e6))));
  const url = await dataUrl(file);
  const shape = await shapeOf(url);
  if (shape === null) return void notices.show(words.notPicture);
  form.begin({ kind: 'file', name: file.name, url });
  // As large as what was asked for so far, but of the picture's own shape: nothing is stretched.
  if (server.capabilities) form.put({ ...sizeOfShape(form.width * form.height, shape, server.capabilities), sized: true });
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => resolve('');
    reader.readAsDataURL(file);
  });
}

/** Width by height of a picture; null where it is none. */
function shapeOf(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image.naturalWidth / image.naturalHeight);
    image.onerror = () => resolve(null);
    image.src = url;
  });
}
