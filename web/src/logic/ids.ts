// Names for things that the page makes itself, which nobody else can guess. It does NOT keep them.

/** A text that nobody else will choose; also where the page is not served over HTTPS. */
export function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
