// An event stream that comes back when it is lost, and goes on where it stopped. It does NOT know
// what the events mean.
//
// Not the browser's EventSource: that one cannot send a token, nor ask for what was missed after the
// page was loaded again.

import { Refused } from './errors';
import { EventParser, type ServerEvent } from './sse';

export interface Listener {
  event(event: ServerEvent): void;
  /** Connected, for the first time or again. */
  open?(): void;
  /** Lost; tries again after `seconds`. */
  lost?(seconds: number): void;
  /** The server refuses the stream: it is not tried again. */
  refused?(error: Refused): void;
  /** The server ended it; a stream that should never end is opened again where this says so. */
  ended(): 'done' | 'again';
}

type Connect = (path: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Response>;

const LONGEST_WAIT_S = 8;
// The server says something every 10 s; three missed are a dead connection that nobody closed.
const SILENCE_MS = 30_000;

/** Opens the stream at `path` and keeps it; the returned function closes it for good. */
export function follow(connect: Connect, path: string, listener: Listener): () => void {
  const closing = new AbortController();
  let last = '';
  let failures = 0;

  async function once(): Promise<'done' | 'again'> {
    const connection = new AbortController();
    const abort = () => connection.abort();
    closing.signal.addEventListener('abort', abort);
    let silence = setTimeout(abort, SILENCE_MS);
    try {
      const response = await connect(path, last ? { 'last-event-id': last } : {}, connection.signal);
      if (!response.body) return 'again';
      failures = 0;
      listener.open?.();
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return listener.ended();
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE_MS);
        for (const event of parser.push(value)) {
          if (event.id) last = event.id;
          listener.event(event);
        }
      }
    } finally {
      clearTimeout(silence);
      closing.signal.removeEventListener('abort', abort);
    }
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        if ((await once()) === 'done') return;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (error instanceof Refused && error.status < 500 && error.status !== 429) {
          listener.refused?.(error);
          return;
        }
      }
      const seconds = Math.min(LONGEST_WAIT_S, 0.5 * 2 ** failures++);
      listener.lost?.(seconds);
      await pause(seconds * 1000, closing.signal);
    }
  }

  void keep();
  return () => closing.abort();
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
