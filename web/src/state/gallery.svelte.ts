// The pictures of the server, newest first. It does NOT draw any, nor know how they were made.

import { Refused } from '../api/errors';
import type { Image } from '../api/types';
import { notices, UNDO_MS } from './notices.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

const PAGE = 48;

class Gallery {
  images = $state.raw<Image[]>([]);
  /** Whether the first page has arrived: before it, nobody knows if there are pictures. */
  known = $state(false);
  /** What comes after the last one; null at the end. */
  next = $state<string | null>(null);
  #leaving = new Map<string, ReturnType<typeof setTimeout>>();
  /** Pictures that were changed in this visit, each with the number of its change. */
  #changed = new Map<string, { image: Image; change: number }>();
  #changes = 0;

  /** Gets the newest ones, and keeps older ones that were loaded before. */
  async refresh(): Promise<void> {
    const changes = this.#changes;
    try {
      const { images, next } = await server.client.images(PAGE, null);
      const fresh = this.#hanging(images, changes);
      const oldest = fresh.at(-1);
      const seen = new Set(fresh.map((image) => image.id));
      const older = oldest && next ? this.images.filter((image) => image.created_at < oldest.created_at && !seen.has(image.id)) : [];
      this.images = [...fresh, ...older];
      if (older.length === 0) this.next = next;
      this.known = true;
    } catch (error) {
      server.heard(error);
    }
  }

  async more(): Promise<void> {
    if (!this.next) return;
    const changes = this.#changes;
    try {
      const { images, next } = await server.client.images(PAGE, this.next);
      const seen = new Set(this.images.map((image) => image.id));
      this.images = [...this.images, ...this.#hanging(images, changes).filter((image) => !seen.has(image.id))];
      this.next = next;
    } catch (error) {
      server.heard(error);
    }
  }

  add(image: Image): void {
    if (!this.images.some((other) => other.id === image.id)) this.images = [image, ...this.images];
  }

  /** Shows a picture as the server now says that it is. */
  put(image: Image): void {
    this.#changed.set(image.id, { image, change: ++this.#changes });
    this.images = this.images.map((other) => (other.id === image.id ? image : other));
  }

  /** Takes a picture down that does not load, if that is because the server has it no more: it keeps them for so long. */
  async doubt(image: Image): Promise<void> {
    try {
      await server.client.recipe(image.id);
    } catch (error) {
      server.heard(error);
      if (error instanceof Refused && error.status === 404) this.images = this.images.filter((other) => other.id !== image.id);
    }
  }

  /** The picture after (1) or before (-1) another one. */
  beside(id: string, step: 1 | -1): Image | undefined {
    const at = this.images.findIndex((image) => image.id === id);
    return at < 0 ? undefined : this.images[at + step];
  }

  /** Takes a picture away, and deletes it once nobody can want it back any more. */
  remove(image: Image): void {
    const at = this.images.findIndex((other) => other.id === image.id);
    if (at < 0 || !image.changeable) return;
    this.images = this.images.filter((other) => other.id !== image.id);
    const timer = setTimeout(() => void this.#delete(image), UNDO_MS);
    this.#leaving.set(image.id, timer);
    notices.show(view.words.picture.removed, {
      label: view.words.picture.undo,
      run: () => {
        clearTimeout(timer);
        this.#leaving.delete(image.id);
        this.images = [...this.images.slice(0, at), image, ...this.images.slice(at)];
      },
    });
  }

  /** Deletes at once what is about to be, since the page goes away. */
  leave(): void {
    for (const [id, timer] of this.#leaving) {
      clearTimeout(timer);
      void server.client.remove(id, true);
    }
    this.#leaving.clear();
  }

  /** Of a list that was asked for after so many changes: what hangs here, with what was changed meanwhile. */
  #hanging(listed: Image[], changes: number): Image[] {
    return listed
      .filter((image) => !this.#leaving.has(image.id))
      .map((image) => {
        const changed = this.#changed.get(image.id);
        return changed && changed.change > changes ? changed.image : image;
      });
  }

  async #delete(image: Image): Promise<void> {
    try {
      await server.client.remove(image.id);
    } catch (error) {
      server.heard(error);
      // What the server does not have any more is deleted; everything else is still there.
      if (!(error instanceof Refused && error.status === 404)) this.add(image);
    }
    this.#leaving.delete(image.id);
  }
}

export const gallery = new Gallery();
