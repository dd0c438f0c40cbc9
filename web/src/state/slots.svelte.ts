// The parts of the prompt: taken apart when one looks at them, put together when one writes into them. It
// does NOT know how that is done; the server does.

import { TEMPLATE, type Slots, type Template, type TemplateRequest } from '../api/prompt';
import { Latest } from '../logic/latest';
import { form } from './form.svelte';
import { asked } from './reader.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

const EMPTY: Slots = { subject: '', action: '', details: [], background: '', style: '' };

class Parts {
  /** Whether the server can do it; assumed until it says otherwise. */
  offered = $state(true);
  open = $state(false);
  slots = $state.raw<Slots>(EMPTY);
  /** The prompt that the parts are the parts of. */
  #whole = '';
  #asking = new Latest();

  /** Begins to follow the prompt while the parts are looked at; called once. */
  start(): void {
    $effect.root(() => {
      $effect(() => {
        if (this.open && form.prompt !== this.#whole) this.#takeApart(form.prompt);
      });
    });
  }

  /** Writes some of the parts, and then the prompt. */
  write(some: Partial<Slots>): void {
    this.slots = { ...this.slots, ...some };
    const { slots } = this;
    this.#ask({ slots }, ({ prompt }) => {
      this.#whole = prompt;
      form.prompt = prompt;
    });
  }

  #takeApart(prompt: string): void {
    if (prompt.trim() === '') {
      this.#asking.forget();
      this.#whole = prompt;
      this.slots = EMPTY;
      return;
    }
    this.#ask({ prompt }, ({ subject, action, details, background, style }) => {
      this.#whole = prompt;
      this.slots = { subject, action, details, background, style };
    });
  }

  #ask(body: TemplateRequest, take: (template: Template) => void): void {
    this.#asking.later(async (signal) => {
      const said = await asked(() => server.client.aboutPrompt<Template>(TEMPLATE, body, view.words.tag, signal));
      if (signal.aborted || said === 'unheard') return;
      this.offered = said !== 'absent';
      this.open &&= this.offered;
      if (said !== 'absent') take(said);
    });
  }
}

export const parts = new Parts();
