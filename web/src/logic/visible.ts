// A piece of a prompt as a label can show it: short, and with the characters that nobody sees. It does NOT change the
// prompt.

const MOST = 28;
const UNSEEN = /[\p{Cf}\p{Cc}\u00a0]/gu;

/** The piece without spaces around it, cut where it is long; unseen characters by their numbers. */
export function visible(text: string): string {
  const trimmed = text.trim() || text;
  const named = trimmed.replace(UNSEEN, (character) =>
    character === '\n' ? ' ' : `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
  const points = Array.from(named);
  return points.length <= MOST ? named : `${points.slice(0, MOST - 1).join('').trimEnd()}…`;
}
