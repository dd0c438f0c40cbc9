// Server-sent events of one subject: numbered, the last 256 kept for those who missed some. What of them
// depends on who listens is for those who attach it. It does NOT know what they say.

const KEPT = 256;

export class Stream {
  #next = 1;
  #ring = [];
  #listeners = new Map();
  #over = false;

  /** Sends an event to everybody who listens, and keeps it. */
  send(event, data) {
    const sent = { id: this.#next++, event, data: JSON.stringify(data) };
    this.#ring.push(sent);
    if (this.#ring.length > KEPT) this.#ring.shift();
    for (const [response, seen] of this.#listeners) response.write(text(sent, seen));
  }

  /** Ends the stream: those who come later get the last event alone. */
  end() {
    this.#over = true;
    for (const response of this.#listeners.keys()) response.end();
    this.#listeners.clear();
  }

  /** Breaks every connection, as a lost network does. */
  cut() {
    for (const response of this.#listeners.keys()) response.destroy();
    this.#listeners.clear();
  }

  /** Answers with the stream: a snapshot, what was missed since `last`, then what comes, each as whoever asks has `seen` it. */
  attach(request, response, snapshot, seen = (data) => data) {
    const last = Number(request.headers['last-event-id'] ?? 0);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
    if (snapshot) response.write(`id: ${last}\nevent: snapshot\ndata: ${JSON.stringify(snapshot())}\n\n`);
    if (this.#over) {
      const last = this.#ring.at(-1);
      response.end(last ? text(last, seen) : '');
      return;
    }
    if (last > 0) for (const sent of this.#ring) if (sent.id > last) response.write(text(sent, seen));
    this.#listeners.set(response, seen);
    request.on('close', () => this.#listeners.delete(response));
  }
}

function text({ id, event, data }, seen) {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(seen(JSON.parse(data)))}\n\n`;
}
