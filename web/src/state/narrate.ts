// What a screen reader says about a job that goes on: its beginning, its middle, its end. It does NOT
// say every step, which would never let anybody finish a sentence.

import type { Job } from '../api/types';
import { explainBody } from '../i18n/words';
import { notices } from './notices.svelte';
import { view } from './view.svelte';

export function narrate(before: Job, now: Job): void {
  const { say } = view.words;
  if (before.status !== now.status) {
    if (now.status === 'running') notices.say(say.started);
    if (now.status === 'completed') notices.say(say.done(now.images.length));
    if (now.status === 'cancelled') notices.say(say.cancelled);
    if (now.status === 'failed' && now.error) notices.say(say.failed(explainBody(now.error, view.words)));
    return;
  }
  const half = Math.ceil(now.steps / 2);
  const [was, is] = [before.progress?.step ?? 0, now.progress?.step ?? 0];
  if (now.status === 'running' && was < half && is >= half && is < now.steps) notices.say(say.step(is, now.steps));
}
