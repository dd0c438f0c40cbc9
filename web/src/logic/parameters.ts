// The text form in which AUTOMATIC1111's web UI and many other tools say how a picture was made, read
// as zao's own reader of PNGs does. It does NOT read files.
//
//   PROMPT, on one line or several
//   Negative prompt: NEGATIVE PROMPT
//   Steps: 8, Sampler: Euler, CFG scale: 1.0, Seed: 42, Size: 256x256, ...

import type { JobRequest } from '../api/types';
import { isSeed } from './seeds';

const SETTINGS = /^\s*Steps:\s*\d+\s*,.*:/;
const NEGATIVE = /^\s*Negative prompt:\s?/;
// A value that holds a comma is quoted.
const SETTING = /\s*([\w][\w \-/]*?):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)/g;

/** What the text asks for; null where it is not of this form. */
export function readParameters(text: string): JobRequest | null {
  const lines = text.trim().split(/\r?\n/);
  const at = lines.findLastIndex((line) => SETTINGS.test(line));
  if (at < 0) return null;
  const settings = readSettings(lines[at] ?? '');
  const before = lines.slice(0, at);
  const negative = before.findLastIndex((line) => NEGATIVE.test(line));
  const prompt = (negative < 0 ? before : before.slice(0, negative)).join('\n').trim();
  const avoided = negative < 0 ? '' : before.slice(negative).join('\n').replace(NEGATIVE, '').trim();

  const request: JobRequest = { prompt };
  if (avoided) request.negative_prompt = avoided;
  const size = /^(\d+)\s*[x×]\s*(\d+)$/i.exec(settings.get('size') ?? '');
  if (size) Object.assign(request, { width: Number(size[1]), height: Number(size[2]) });
  const steps = Number.parseInt(settings.get('steps') ?? '', 10);
  if (steps > 0) request.steps = steps;
  // Theirs is neg + c*(pos - neg), where 1 is off; ours is pos + g*(pos - neg), where 0 is.
  const scale = Number.parseFloat(settings.get('cfg scale') ?? '');
  if (Number.isFinite(scale)) request.guidance = Math.max(0, Number((scale - 1).toFixed(4)));
  const seed = settings.get('seed') ?? '';
  if (isSeed(seed)) request.seed = seed;
  const generator = settings.get('rng')?.toLowerCase();
  if (generator === 'cpu') request.rng = 'torch-cpu';
  if (generator === 'gpu' || generator === 'nv' || generator === 'cuda') request.rng = 'nv';
  return request;
}

function readSettings(line: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [, name = '', value = ''] of line.matchAll(SETTING)) {
    const bare = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
    settings.set(name.trim().toLowerCase(), bare.trim());
  }
  return settings;
}
