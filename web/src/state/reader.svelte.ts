// What somebody who reads the prompt before it is drawn would say: findings, tokens, advice. Asked of the
// server while one types; nothing waits for it, and nothing is said when it does not answer. It does NOT
// hold the parts of a prompt.

import { Refused } from '../api/errors';
import { ADVICE, CHECK, type Advice, type AdviceRequest, type Checked, type CheckRequest, type Finding } from '../api/prompt';
import { Latest } from '../logic/latest';
import { carried, mended } from '../logic/spans';
import { form } from './form.svelte';
import { notices } from './notices.svelte';
import { server } from './server.svelte';
import { view } from './view.svelte';

class Reader {
  #read = $state.raw<{ prompt: string; said: Checked } | null>(null);
  /** What somebody wants to leave as it is, in this visit. */
  #left = $state.raw<readonly string[]>([]);
  advice = $state.raw<Advice | null>(null);
  #adviceLeft = $state('');
  /** The finding that one looks at. */
  looked = $state.raw<Finding | null>(null);

  #checking = new Latest();
  #advising = new Latest();
  // A server of an earlier version has neither; then it is not asked again.
  #checks = true;
  #advises = true;

  /** What is found in the prompt as it is now. */
  findings = $derived.by<Finding[]>(() => {
    if (!this.#read) return [];
    const { prompt, said } = this.#read;
    return carried(prompt, form.prompt, said.findings).filter((finding) => !this.#left.includes(nameOf(finding)));
  });

  tokens = $derived(form.prompt.trim() === '' ? null : (this.#read?.said.tokens ?? null));

  /** How many tokens mending everything saves; null while that is not known. */
  saves = $derived.by<number | null>(() => {
    if (!this.#read || this.#read.prompt !== form.prompt || this.#left.length > 0) return null;
    const { count, fixed_count: fixed } = this.#read.said.tokens;
    return fixed < count ? count - fixed : null;
  });

  /** The advice, where it is about something that somebody has not declined. */
  advised = $derived(this.advice && form.prompt.trim() !== '' && nameOfAdvice(this.advice) !== this.#adviceLeft ? this.advice : null);

  /** Begins to read along; called once. */
  start(): void {
    $effect.root(() => {
      $effect(() => {
        const body: CheckRequest = { prompt: form.prompt, language: view.language };
        if (form.negative.trim()) body.negative_prompt = form.negative;
        this.#check(body);
      });
      $effect(() => {
        this.#advise({ prompt: form.prompt }, view.words.tag);
      });
    });
  }

  #check(body: CheckRequest): void {
    if (!this.#checks || server.locked) return;
    if (body.prompt.trim() === '') {
      this.#checking.forget();
      this.#read = null;
      return;
    }
    this.#checking.later(async (signal) => {
      const said = await asked(() => server.client.aboutPrompt<Checked>(CHECK, body, view.words.tag, signal));
      if (signal.aborted || said === 'unheard') return;
      this.#checks = said !== 'absent';
      this.#read = said === 'absent' ? null : { prompt: body.prompt, said };
    });
  }

  #advise(body: AdviceRequest, language: string): void {
    if (!this.#advises || server.locked) return;
    if (body.prompt.trim() === '') {
      this.#advising.forget();
      return;
    }
    this.#advising.later(async (signal) => {
      const said = await asked(() => server.client.aboutPrompt<Advice>(ADVICE, body, language, signal));
      if (signal.aborted || said === 'unheard') return;
      this.#advises = said !== 'absent';
      this.advice = said === 'absent' ? null : said;
    });
  }

  /** Mends one place. */
  mend(finding: Finding): void {
    this.#put(mended(form.prompt, [finding]));
  }

  /** Mends everything that can be and is not to be left. */
  mendAll(): void {
    const whole = this.#read?.prompt === form.prompt && this.#left.length === 0;
    this.#put(whole && this.#read ? this.#read.said.fixed : mended(form.prompt, this.findings));
  }

  /** Leaves it as it is, wherever it stands. */
  leave(finding: Finding): void {
    this.#left = [...this.#left, nameOf(finding)];
    this.looked = null;
  }

  leaveAdvice(): void {
    this.#adviceLeft = this.advice ? nameOfAdvice(this.advice) : '';
  }

  #put(prompt: string): void {
    const before = form.prompt;
    this.looked = null;
    if (prompt === before) return;
    form.prompt = prompt;
    notices.show(view.words.reader.mended, { label: view.words.picture.undo, run: () => (form.prompt = before) });
  }
}

/** The answer, unless the server has no such route or did not answer. */
export async function asked<T>(ask: () => Promise<T>): Promise<T | 'absent' | 'unheard'> {
  try {
    return await ask();
  } catch (error) {
    return error instanceof Refused && (error.status === 404 || error.status === 405) ? 'absent' : 'unheard';
  }
}

function nameOf({ code, text }: Finding): string {
  return `${code} ${text}`;
}

function nameOfAdvice({ steps, quality }: Advice): string {
  return `${steps} ${quality}`;
}

export const reader = new Reader();
