// Server-sent events out of a stream of text, as the HTML standard parses them. It does NOT connect.

export interface ServerEvent {
  /** The last id that the stream told, also by an earlier event. */
  id: string;
  name: string;
  data: string;
}

/** Takes pieces of text as they arrive and gives the events that are whole. */
export class EventParser {
  #rest = '';
  #id = '';
  #name = '';
  #data: string[] = [];

  push(piece: string): ServerEvent[] {
    // A carriage return at the end may be half of a line end.
    const text = this.#rest + piece;
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? '') + text.slice(whole.length);
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): ServerEvent[] {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return [];
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    if (field === 'data') this.#data.push(value);
    if (field === 'id' && !value.includes('\0')) this.#id = value;
    return [];
  }

  #dispatch(): ServerEvent[] {
    const event = { id: this.#id, name: this.#name || 'message', data: this.#data.join('\n') };
    const heard = this.#data.length > 0;
    this.#name = '';
    this.#data = [];
    return heard ? [event] : [];
  }
}
