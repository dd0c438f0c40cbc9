// Sentences made of the dictionary and a value: durations, sizes, errors. It does NOT hold words itself.

import { Refused } from '../api/errors';
import type { ErrorBody, JobError } from '../api/types';
import type { Dictionary } from './en';

/** A duration to the precision that one cares about: tenths below 10 s, then seconds, then minutes. */
export function duration(seconds: number, words: Dictionary): string {
  if (seconds < 9.95) return words.time.seconds(Math.max(0.1, Math.round(seconds * 10) / 10));
  if (seconds < 90) return words.time.seconds(Math.round(seconds));
  if (seconds < 5400) return words.time.minutes(Math.round(seconds / 60));
  return words.time.hours(Math.round(seconds / 360) / 10);
}

/** A waiting time, which nobody knows to a tenth. */
export function wait(seconds: number, words: Dictionary): string {
  return duration(seconds < 1 ? 1 : seconds < 10 ? Math.round(seconds) : seconds, words);
}

/** How long pictures are kept, and how much room all of them may take. */
export function keeping({ seconds, bytes }: { seconds: number; bytes: number }, words: Dictionary): string {
  const days = Math.round(seconds / 86_400);
  const time = days > 0 ? words.time.days(days) : duration(seconds, words);
  const [amount, unit] = bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB'];
  return words.gallery.kept(time, `${Number(amount.toPrecision(2))} ${unit}`);
}

/** Where a job stands that waits; where `nobody` draws, being the next says nothing. */
export function standing(position: number | null, nobody: boolean, words: Dictionary): string {
  return nobody && (position ?? 1) === 1 ? words.job.held : words.job.queued(position);
}

/** What went wrong and what to do next. */
export function explain(error: unknown, words: Dictionary): string {
  if (error instanceof Refused) return explainBody({ code: error.code, message: error.message, request_id: error.requestId }, words);
  return words.errors.unreachable;
}

/** The same for an error that a job ended with. */
export function explainBody(error: JobError | Pick<ErrorBody, 'code' | 'message' | 'request_id'>, words: Dictionary): string {
  const entry = words.errors[error.code as keyof Dictionary['errors']] ?? words.errors.other;
  if (typeof entry === 'string') return entry;
  return entry(error.code === 'internal' ? (('request_id' in error ? error.request_id : null) as never) : (error.message.replace(/\.$/, '') as never));
}
