// What stands in front of the visitor: the job that is drawn, or a picture; and which window is open
// over it. It does NOT know how either looks.

import type { Image } from '../api/types';
import type { Wish } from '../logic/recall';
import { gallery } from './gallery.svelte';
import { jobs } from './jobs.svelte';
import type { Task } from './task.svelte';

export type Shown = { kind: 'task'; task: Task } | { kind: 'image'; image: Image } | { kind: 'nothing' } | { kind: 'unknown' };

/** A recipe that was found in a file or a text, to be looked at before it is taken over. */
export interface Found {
  wish: Partial<Wish> | null;
  /** Where it was found: in pasted text, or in a picture by the tool that wrote it. */
  source: 'text' | 'zao' | 'a1111' | 'fooocus' | null;
  /** The picture itself, which can also be begun with. */
  file: File | null;
  /** The text as it was pasted. */
  text: string | null;
}

class Easel {
  /** A job or picture that somebody asked to see; else the page follows what happens. */
  #chosen = $state.raw<Task | Image | null>(null);
  /** The picture that fills the window. */
  viewed = $state.raw<Image | null>(null);
  /** Two pictures side by side, the first on the left. */
  compared = $state.raw<readonly [Image, Image] | null>(null);
  window = $state<'queue' | 'help' | null>(null);
  found = $state.raw<Found | null>(null);

  shown = $derived.by<Shown>(() => {
    const chosen = this.#chosen;
    if (chosen && 'job' in chosen && typeof chosen.job === 'object') {
      if (jobs.tasks.includes(chosen as Task)) return { kind: 'task', task: chosen as Task };
    } else if (chosen) {
      const image = gallery.images.find((other) => other.id === (chosen as Image).id);
      if (image) return { kind: 'image', image };
    }
    const task = this.#following();
    if (task) return { kind: 'task', task };
    const newest = gallery.images[0];
    if (newest) return { kind: 'image', image: newest };
    return { kind: gallery.known ? 'nothing' : 'unknown' };
  });

  /** The pictures in front, of which the first is meant by keys. */
  images = $derived.by<Image[]>(() => {
    const { shown } = this;
    if (shown.kind === 'image') return [shown.image];
    if (shown.kind !== 'task') return [];
    return shown.task.job.images.flatMap((image) => gallery.images.find((other) => other.id === image.id) ?? []);
  });

  /** Lays a picture beside the one that is most like it: of the same words, else the next to it. */
  compare(image: Image): void {
    const others = gallery.images.filter((other) => other.id !== image.id);
    const alike = others.find((other) => other.prompt === image.prompt);
    const other = alike ?? gallery.beside(image.id, 1) ?? gallery.beside(image.id, -1);
    if (other) this.compared = [image, other];
  }

  choose(what: Task | Image | null): void {
    this.#chosen = what;
  }

  /** The job to watch: one being drawn, else the next, else the last that ended in this visit. */
  #following(): Task | undefined {
    const mine = jobs.tasks.filter((task) => task.mine);
    // Several may be drawn together: the eyes stay on the one that came first until it is done.
    const running = mine.findLast((task) => task.job.status === 'running');
    if (running) return running;
    const waiting = mine.filter((task) => task.job.status === 'queued');
    if (waiting.length > 0) return waiting.reduce((a, b) => ((b.job.queue_position ?? 1e9) < (a.job.queue_position ?? 1e9) ? b : a));
    const last = mine.filter((task) => task.job.status !== 'cancelled').sort(byEnd)[0];
    if (!last) return undefined;
    if (last.job.status === 'failed') return last;
    const kept = last.job.images.filter((image) => gallery.images.some((other) => other.id === image.id));
    return kept.length > 0 ? last : undefined;
  }
}

function byEnd(a: Task, b: Task): number {
  return (b.job.finished_at ?? 0) - (a.job.finished_at ?? 0);
}

export const easel = new Easel();
