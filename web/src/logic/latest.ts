// Asks once somebody has paused, and only for the newest wish: an older question is taken back. It does
// NOT know what is asked.

export class Latest {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | null = null;

  constructor(readonly pauseMs = 300) {}

  /** Asks after a pause, unless something newer comes first. What `ask` says after that is not heard. */
  later(ask: (signal: AbortSignal) => Promise<void>): void {
    this.forget();
    this.#timer = setTimeout(() => {
      const asking = new AbortController();
      this.#asking = asking;
      ask(asking.signal).catch((error: unknown) => {
        if (!asking.signal.aborted) throw error;
      });
    }, this.pauseMs);
  }

  /** Takes back what was asked, also while it is on its way. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = null;
  }
}
