// Which key does what. It does NOT listen for keys inside of menus and dialogs, which browsers and
// components do.

import type { Image } from '../api/types';
import { easel } from './easel.svelte';
import { gallery } from './gallery.svelte';
import { generate } from './generate';
import { jobs } from './jobs.svelte';
import { download, keepForGood, recall } from './pictures';

/** Acts on a key press anywhere on the page. */
export function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    // A number that is still being written counts as it stands.
    if (event.target instanceof HTMLInputElement) event.target.dispatchEvent(new Event('change', { bubbles: true }));
    void generate();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const open = document.querySelector('dialog[open]');
  if (event.key === 'Escape') {
    // An open window closes itself.
    if (!open) cancelShown();
    return;
  }
  if (isTyping(event.target)) return;
  // Behind a window that is open nothing happens, but to the picture that is in it.
  if (open && (!easel.viewed || easel.compared)) return;
  if (act(event)) event.preventDefault();
}

function act(event: KeyboardEvent): boolean {
  const image = meant();
  switch (event.key) {
    case 's':
    case 'S':
      return image ? (void recall(image, 'seed'), true) : false;
    case 'r':
    case 'R':
      return image ? (void recall(image, 'remix'), true) : false;
    case 'd':
    case 'D':
      return image ? (void download(image), true) : false;
    case 'k':
    case 'K':
      return image?.changeable ? (void keepForGood(image), true) : false;
    case 'c':
    case 'C':
      return image && gallery.images.length > 1 ? (easel.compare(image), true) : false;
    case 'Delete':
      if (!image?.changeable) return false;
      if (easel.viewed) easel.viewed = gallery.beside(image.id, 1) ?? gallery.beside(image.id, -1) ?? null;
      gallery.remove(image);
      return true;
  }
  if (easel.viewed) return false;
  switch (event.key) {
    case '/':
      document.querySelector<HTMLElement>('#prompt')?.focus();
      return true;
    case 'g':
    case 'G':
      document.querySelector<HTMLElement>('[data-picture][tabindex="0"]')?.focus();
      return true;
    case 'q':
    case 'Q':
      easel.window = 'queue';
      return true;
    case '?':
      easel.window = 'help';
      return true;
    default:
      return false;
  }
}

/** The picture that keys mean: the open one, else the one with the focus, else the one in front. */
function meant(): Image | undefined {
  if (easel.viewed) return easel.viewed;
  const focused = document.activeElement?.closest<HTMLElement>('[data-picture]')?.dataset.picture;
  return gallery.images.find((image) => image.id === focused) ?? easel.images[0];
}

function cancelShown(): void {
  if (easel.shown.kind === 'task' && easel.shown.task.active) void jobs.cancel(easel.shown.task);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['radio', 'checkbox', 'range', 'button'].includes(target.type);
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName);
}
