// Sending what the form says: always possible, also while much else waits; nothing typed is lost when
// it is refused. It does NOT follow what becomes of it.

import { Refused, Unreachable } from '../api/errors';
import type { JobRequest } from '../api/types';
import { freshId } from '../logic/ids';
import { form } from './form.svelte';
import { health } from './health.svelte';
import { jobs } from './jobs.svelte';
import { notices } from './notices.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

/** The part of the form that an error is about; `whole` is none of them. */
export type Place = 'prompt' | 'negative' | 'size' | 'seed' | 'beginning' | 'loras' | 'whole';

const PLACES: Record<string, Place> = {
  prompt: 'prompt',
  negative_prompt: 'negative',
  width: 'size',
  height: 'size',
  seed: 'seed',
  image: 'beginning',
  strength: 'beginning',
  loras: 'loras',
};

const PLACES_BY_CODE: Record<string, Place> = {
  prompt_too_long: 'prompt',
  invalid_size: 'size',
  invalid_image: 'beginning',
  body_too_large: 'beginning',
  unsupported_media_type: 'beginning',
  unknown_lora: 'loras',
};

class Order {
  /** How many requests have been sent and not answered. */
  sending = $state(0);
  error = $state.raw<unknown>(null);
  place = $state<Place>('whole');
  /** The prompt was empty when somebody pressed the button. */
  empty = $state(false);
  /** Seconds until trying again makes sense; null where the server did not say. */
  waiting = $state<number | null>(null);
  #clock: ReturnType<typeof setInterval> | null = null;
  // A request whose answer was lost may have arrived: sent again under its key it is not drawn twice.
  #unanswered: { key: string; body: string } | null = null;

  /** Sends the form, and `more` than it says; `false` where it stays here. */
  async send(more: Partial<JobRequest> = {}): Promise<boolean> {
    this.clear();
    if (form.prompt.trim() === '') {
      this.empty = true;
      this.place = 'prompt';
      notices.say(view.words.generate.empty);
      return false;
    }
    if (!form.valid(server.capabilities)) {
      this.place = form.seed === '' ? 'size' : 'seed';
      return false;
    }
    const request = { ...form.request(server.capabilities), ...more };
    const body = JSON.stringify(request);
    const key = this.#unanswered?.body === body ? this.#unanswered.key : freshId();
    this.#unanswered = { key, body };
    this.sending += 1;
    try {
      const task = await jobs.submit(request, key);
      if (this.#unanswered?.key === key) this.#unanswered = null;
      notices.say(view.words.say.queued(task.job.queue_position));
      return true;
    } catch (error) {
      server.heard(error);
      if (error instanceof Refused && error.status >= 500) void health.look();
      if (!(error instanceof Unreachable)) this.#unanswered = null;
      this.#refused(error);
      return false;
    } finally {
      this.sending -= 1;
    }
  }

  /** Forgets what went wrong: somebody is doing something about it. */
  clear(): void {
    this.error = null;
    this.empty = false;
    this.waiting = null;
    if (this.#clock) clearInterval(this.#clock);
  }

  #refused(error: unknown): void {
    this.error = error;
    this.place = 'whole';
    if (!(error instanceof Refused)) return;
    this.place = PLACES[error.param ?? ''] ?? PLACES_BY_CODE[error.code] ?? 'whole';
    if (error.retryAfter === null) return;
    this.waiting = Math.ceil(error.retryAfter);
    this.#clock = setInterval(() => {
      this.waiting = Math.max(0, (this.waiting ?? 0) - 1);
      if (this.waiting === 0 && this.#clock) clearInterval(this.#clock);
    }, 1000);
  }
}

export const order = new Order();
