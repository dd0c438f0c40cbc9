// How a picture was made, as lines of a name and a value: those that one looks for, and all others. It does
// NOT fetch anything.

import type { Image, JobTiming, Recipe } from '../api/types';
import type { Dictionary } from './en';
import { duration } from './words';

/** A name and a value. */
export type Fact = readonly [name: string, value: string];

/** What one looks for: what makes the picture, and when. What is not known yet is left out. */
export function facts(image: Image, recipe: Recipe | null, timing: JobTiming | null, words: Dictionary, locale: string): Fact[] {
  const { fields } = words.picture;
  const made: Fact[] = [
    [fields.size, `${image.width} × ${image.height}`],
    [fields.seed, String(image.seed)],
  ];
  if (recipe) {
    made.push([fields.steps, String(recipe.steps)]);
    if (recipe.guidance > 0) made.push([fields.guidance, String(Number(recipe.guidance.toFixed(2)))]);
    if (recipe.negative_prompt) made.push([fields.negative, recipe.negative_prompt]);
    if (recipe.loras?.length) made.push([fields.loras, recipe.loras.map(({ name, scale }) => `${name} ${scale}`).join(', ')]);
    made.push([fields.model, recipe.model.name]);
  }
  made.push([fields.made, new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(image.created_at * 1000)]);
  if (timing) {
    const waited = timing.queue_seconds >= 1 ? duration(timing.queue_seconds, words) : null;
    made.push([fields.took, words.picture.took(duration(timing.inference_seconds, words), waited)]);
  }
  return made;
}

/** What few people look for: which arithmetic, which device, which file. */
export function furtherFacts(image: Image, recipe: Recipe, words: Dictionary): Fact[] {
  const { fields } = words.picture;
  return [
    [fields.precision, recipe.precision],
    [fields.device, recipe.device],
    [fields.rng, recipe.rng],
    [fields.shift, String(Number(recipe.shift.toFixed(2)))],
    [fields.fingerprint, recipe.model.fingerprint],
    [fields.version, `zao ${recipe.zao_version}`],
    [fields.file, `PNG, ${size(image.bytes)}`],
  ];
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
