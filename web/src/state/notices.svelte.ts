// What the page says in passing: to everybody for a few seconds, to screen readers as a sentence. It
// does NOT hold errors, which stay where they belong.

const SHOWN_MS = 4000;
/** How long something that was done can be undone. */
export const UNDO_MS = 7000;

export interface Notice {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

class Notices {
  shown = $state.raw<Notice[]>([]);
  /** The sentence for screen readers. */
  spoken = $state('');
  #next = 1;

  /** Shows a sentence, with something to do about it if there is; returns how to take it back. */
  show(text: string, action?: Notice['action']): () => void {
    const notice: Notice = action ? { id: this.#next++, text, action } : { id: this.#next++, text };
    this.shown = [...this.shown.slice(-2), notice];
    const close = () => (this.shown = this.shown.filter((other) => other.id !== notice.id));
    setTimeout(close, action ? UNDO_MS : SHOWN_MS);
    return close;
  }

  /** Says a sentence to those who do not see the page. */
  say(text: string): void {
    // The same sentence twice is only read again if the text changes in between.
    this.spoken = '';
    setTimeout(() => (this.spoken = text), 50);
  }
}

export const notices = new Notices();
