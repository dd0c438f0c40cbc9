// Places in a text that are counted in code points, as the server counts, while the browser counts in
// UTF-16. It does NOT know what is said about a place.

import type { Finding, Span } from '../api/prompt';

/** The same place in UTF-16 units; a place beyond the end is empty. */
export function place(text: string, span: Span): { from: number; to: number } {
  let at = 0;
  let unit = 0;
  let from = text.length;
  for (const point of text) {
    if (at === span.start) from = unit;
    if (at >= span.end) break;
    at += 1;
    unit += point.length;
  }
  return { from: Math.min(from, unit), to: unit };
}

/** Whether the finding is still about what stands in the text. */
export function stands(text: string, finding: Finding): boolean {
  const { from, to } = place(text, finding.span);
  return finding.text !== '' && text.slice(from, to) === finding.text;
}

/**
 * The findings about `before` as they are about `after`: those in front of the edit stay, those behind it move along,
 * those that it touches are gone.
 */
export function carried(before: string, after: string, findings: readonly Finding[]): Finding[] {
  if (before === after) return [...findings];
  const [old, now] = [Array.from(before), Array.from(after)];
  const most = Math.min(old.length, now.length);
  let front = 0;
  while (front < most && old[front] === now[front]) front += 1;
  let back = 0;
  while (back < most - front && old[old.length - 1 - back] === now[now.length - 1 - back]) back += 1;
  const moved = now.length - old.length;
  return findings.flatMap((finding) => {
    const { start, end } = finding.span;
    if (end <= front) return [finding];
    return start >= old.length - back ? [{ ...finding, span: { start: start + moved, end: end + moved } }] : [];
  });
}

/** A stretch of a text, with the finding that is about it. */
export interface Stretch {
  text: string;
  finding: Finding | null;
}

/** The whole text in stretches. Of findings that overlap, the first keeps the place. */
export function stretches(text: string, findings: readonly Finding[]): Stretch[] {
  const found: Stretch[] = [];
  let at = 0;
  for (const finding of byStart(findings)) {
    const { from, to } = place(text, finding.span);
    if (from < at || from === to || !stands(text, finding)) continue;
    if (from > at) found.push({ text: text.slice(at, from), finding: null });
    found.push({ text: text.slice(from, to), finding });
    at = to;
  }
  if (at < text.length) found.push({ text: text.slice(at), finding: null });
  return found;
}

/** The text with the replacements of these findings, as far as they stand in it and do not overlap. */
export function mended(text: string, findings: readonly Finding[]): string {
  let made = '';
  let swallow = false;
  const parts = stretches(text, findings.filter(({ replacement }) => replacement !== null));
  parts.forEach(({ text: own, finding }, index) => {
    const next = finding ? finding.replacement ?? '' : swallow ? own.slice(1) : own;
    swallow = false;
    if (next === '' && finding) {
      // A word that goes takes one of the spaces around it along.
      const after = parts[index + 1]?.text ?? '';
      if (/^\s/.test(after) && !parts[index + 1]?.finding && /^$|\s$/.test(made)) swallow = true;
      else if (/^$|^\p{P}/u.test(after)) made = made.replace(/\s$/, '');
    }
    made += next;
  });
  return made;
}

function byStart(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => a.span.start - b.span.start);
}
