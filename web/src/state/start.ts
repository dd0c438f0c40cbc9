// The page's beginning: meets the server, then finds what is there. It does NOT draw the page.

import { form } from './form.svelte';
import { gallery } from './gallery.svelte';
import { jobs } from './jobs.svelte';
import { reader } from './reader.svelte';
import { server } from './server.svelte';
import { parts } from './slots.svelte';

let begun = false;
const RETRY_MS = 2000;

/** Begins, or goes on after a token was given. */
export async function start(): Promise<void> {
  if (!begun) {
    form.start();
    if (server.capabilities) form.suit(server.capabilities);
  }
  if (!(await server.meet())) {
    // Without a token there is nothing to find; a server that is not there may come.
    if (!server.locked) setTimeout(() => void start(), RETRY_MS);
    return;
  }
  if (server.capabilities) form.suit(server.capabilities);
  if (begun) {
    await Promise.all([jobs.catchUp(), gallery.refresh()]);
    return;
  }
  begun = true;
  reader.start();
  parts.start();
  await Promise.all([jobs.start(), gallery.refresh()]);
}
