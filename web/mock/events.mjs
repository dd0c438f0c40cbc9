// Server-sent events of one subject: numbered, the last 256 kept for those who missed some. It does
// NOT know what they say.

const KEPT = 256;

export class Stream {
  #next = 1;
  #ring = [];
  #listeners = new Set();
  #over = false;

  /** Sends an event to everybody who listens, and keeps it. */
  send(event, data) {
    const text = `id: ${this.#next++}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#ring.push({ id: this.#next - 1, text });
    if (this.#ring.length > KEPT) this.#ring.shift();
    for (const response of this.#listeners) response.write(text);
  }

  /** Ends the stream: those who come later get the last event alone. */
  end() {
    this.#over = true;
    for (const response of this.#listeners) response.end();
    this.#listeners.clear();
  }

  /** Breaks every connection, as a lost network does. */
  cut() {
    for (const response of this.#listeners) response.destroy();
    this.#listeners.clear();
  }

  /** Answers with the stream: a snapshot, what was missed since `last`, then what comes. */
  attach(request, response, snapshot) {
    const last = Number(request.headers['last-event-id'] ?? 0);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
    if (snapshot) response.write(`id: ${last}\nevent: snapshot\ndata: ${JSON.stringify(snapshot())}\n\n`);
    if (this.#over) {
      response.end(this.#ring.at(-1)?.text ?? '');
      return;
    }
    if (last > 0) for (const { id, text } of this.#ring) if (id > last) response.write(text);
    this.#listeners.add(response);
    request.on('close', () => this.#listeners.delete(response));
  }
}
