// Taking over how a picture was made: which fields of the form would change, and to what. It does NOT
// change the form.

import type { JobRequest, LoraUse, Recipe } from '../api/types';

/** Everything of the form that a request can hold, as it is typed. */
export interface Wish {
  prompt: string;
  negative: string;
  width: number;
  height: number;
  steps: number;
  guidance: number;
  /** Empty: a new one for each job. */
  seed: string;
  rng: 'torch-cpu' | 'nv';
  loras: LoraUse[];
}

/** What is taken over: all of it, all but the seed, or one thing. */
export type Part = 'all' | 'remix' | 'prompt' | 'seed' | 'size';

const FIELDS: Record<Part, readonly (keyof Wish)[]> = {
  all: ['prompt', 'negative', 'width', 'height', 'steps', 'guidance', 'seed', 'rng', 'loras'],
  remix: ['prompt', 'negative', 'width', 'height', 'steps', 'guidance', 'rng', 'loras'],
  prompt: ['prompt', 'negative'],
  seed: ['seed', 'rng'],
  size: ['width', 'height'],
};

/** A request or a recipe in the form's terms; what it does not tell is absent. */
export function wishOf(made: JobRequest | Recipe): Partial<Wish> {
  const wish: Partial<Wish> = { prompt: made.prompt, negative: made.negative_prompt ?? '', loras: made.loras ?? [] };
  const { width, height, guidance, seed, rng } = made;
  // Other clients may leave the steps to the prompt; the form has a number.
  const steps = made.steps === 'auto' ? undefined : made.steps;
  for (const [field, value] of Object.entries({ width, height, steps, guidance, seed, rng })) {
    if (value !== undefined && value !== null) Object.assign(wish, { [field]: value });
  }
  return wish;
}

/** The part of `wish` that is taken over; remix also lets go of the seed that is there. */
export function taken(wish: Partial<Wish>, part: Part): Partial<Wish> {
  const some = Object.fromEntries(FIELDS[part].flatMap((field) => (field in wish ? [[field, wish[field]]] : [])));
  return part === 'remix' ? { ...some, seed: '' } : some;
}

export interface Change {
  field: Exclude<keyof Wish, 'width' | 'height'> | 'size';
  before: string;
  after: string;
}

/** What would be different, in the order of the form; width and height are one line. */
export function changes(now: Wish, next: Partial<Wish>): Change[] {
  const then = { ...now, ...next };
  return (['prompt', 'negative', 'size', 'steps', 'guidance', 'seed', 'rng', 'loras'] as const)
    .map((field) => ({ field, before: show(now, field), after: show(then, field) }))
    .filter(({ before, after }) => before !== after);
}

function show(wish: Wish, field: Change['field']): string {
  if (field === 'size') return `${wish.width} × ${wish.height}`;
  if (field === 'loras') return wish.loras.map(({ name, scale }) => `${name} ${scale}`).join(', ');
  return String(wish[field]);
}
