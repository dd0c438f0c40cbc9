// What pressing Generate does, by whichever way. It does NOT decide what is sent: the form does.

import type { JobRequest } from '../api/types';
import { easel } from './easel.svelte';
import { order } from './order.svelte';

/** Sends the form and turns the eyes to what comes of it. */
export async function generate(): Promise<void> {
  if (await order.send()) attend();
}

/** The same, with something that the form does not say. */
export async function generateWith(more: Partial<JobRequest>): Promise<void> {
  if (await order.send(more)) attend();
}

function attend(): void {
  easel.choose(null);
  easel.viewed = null;
  // On a telephone the picture is below the form: show that something happens.
  const stage = document.querySelector('#stage');
  if (stage && stage.getBoundingClientRect().top > window.innerHeight * 0.4) stage.scrollIntoView({ behavior: 'smooth' });
}
