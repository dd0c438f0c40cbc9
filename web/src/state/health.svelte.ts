// How the server is, beside whether it answers at all: it reads its model, is about to stop, or cannot
// draw. It does NOT ask while all is well, unless somebody has a reason to.

import { Refused } from '../api/errors';
import { condition, type Condition } from '../logic/condition';
import { notices } from './notices.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

/** While something is wrong, it is asked again after so long. */
const AGAIN_MS = 3000;

class Health {
  condition = $state<Condition>('ready');
  /** What the server says about it, in English. */
  reason = $state<string | null>(null);
  #asking = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Asks how it is, and goes on asking until it is well. */
  async look(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    try {
      const said = await server.client.health();
      this.#set(condition(said), said.reason);
    } catch (error) {
      // Who answers without saying how it is, is taken to be well. That it does not answer, the streams notice.
      if (error instanceof Refused) this.#set('ready', null);
    } finally {
      this.#asking = false;
    }
    // A tab that nobody sees asks when it is looked at again.
    if (this.condition !== 'ready' && !document.hidden) this.#timer = setTimeout(() => void this.look(), AGAIN_MS);
  }

  #set(now: Condition, reason: string | null): void {
    const was = this.condition;
    this.condition = now;
    this.reason = reason;
    if (now === 'ready' && was !== 'ready' && !server.lost) notices.show(view.words.health.ready);
  }
}

export const health = new Health();
