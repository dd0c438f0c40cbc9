// The requests that the page makes, one method each. It does NOT keep anything but the token and the
// key, and does not try again: what to do about an error is for those who ask.

import { refusal, Unreachable } from './errors';
import { parse, stringify } from './json';
import type { Capabilities, Image, Images, Job, JobRequest, Jobs, JobStatus, Lora, Loras, PngInfo, QueueState, Readiness, Recipe } from './types';

export class Client {
  /** What goes into `Authorization`, where the server wants it. */
  token: string | null = null;
  /** What goes into `X-Zao-Client`: by it the server knows whose a job is. */
  key: string | null = null;

  constructor(private readonly send: typeof fetch = (...call) => fetch(...call)) {}

  capabilities = (): Promise<Capabilities> => this.#json('GET', '/v1/capabilities');

  /** How the server is. One that is not ready says so under 503; what stands before it may not know the path. */
  health = async (): Promise<Readiness> => {
    const response = await this.#send('GET', '/health/ready');
    const body = (await response.clone().json().catch(() => null)) as Partial<Readiness> | null;
    if (!body?.status) throw await refusal(response);
    return { status: body.status, reason: body.reason ?? null };
  };

  loras = async (): Promise<Lora[]> => (await this.#json<Loras>('GET', '/v1/loras')).loras;

  queue = (): Promise<QueueState> => this.#json('GET', '/v1/queue');

  /** Queues a job. The same key gives the same job, so that a lost answer does not draw twice. */
  submit = (request: JobRequest, key: string): Promise<Job> =>
    this.#json('POST', '/v1/jobs', stringify(request), { 'content-type': 'application/json', 'idempotency-key': key });

  job = (id: string): Promise<Job> => this.#json('GET', `/v1/jobs/${encodeURIComponent(id)}`);

  /** Newest first. */
  jobs = async (status: JobStatus[]): Promise<Job[]> =>
    (await this.#json<Jobs>('GET', `/v1/jobs?status=${status.join(',')}&limit=100`)).jobs;

  /** Those of this browser that are over, newest first. */
  past = async (limit: number): Promise<Job[]> =>
    (await this.#json<Jobs>('GET', `/v1/jobs?mine=true&status=completed,failed,cancelled&limit=${limit}`)).jobs;

  cancel = (id: string): Promise<Job> => this.#json('DELETE', `/v1/jobs/${encodeURIComponent(id)}`);

  /** Newest first; `next` goes into `after`. */
  images = (limit: number, after: string | null): Promise<Images> =>
    this.#json('GET', `/v1/images?limit=${limit}${after ? `&after=${encodeURIComponent(after)}` : ''}`);

  recipe = (id: string): Promise<Recipe> => this.#json('GET', `/v1/images/${encodeURIComponent(id)}/recipe`);

  /** What is said about a prompt: the paths and types of `prompt.ts`. `language` is a tag for the server's sentences. */
  aboutPrompt = <Answer>(path: string, body: unknown, language: string, signal: AbortSignal): Promise<Answer> =>
    this.#json('POST', path, JSON.stringify(body), { 'content-type': 'application/json', 'accept-language': language }, { signal });

  pngInfo = (png: Blob): Promise<PngInfo> => this.#json('POST', '/v1/png-info', png, { 'content-type': 'image/png' });

  /** Deletes a picture; `leaving` lets the request outlive the page. */
  remove = async (id: string, leaving = false): Promise<void> => {
    await this.#request('DELETE', `/v1/images/${encodeURIComponent(id)}`, undefined, {}, { keepalive: leaving });
  };

  /** Whether a picture stays until somebody deletes it. */
  keep = (id: string, kept: boolean): Promise<Image> =>
    this.#json('PATCH', `/v1/images/${encodeURIComponent(id)}`, JSON.stringify({ kept }), { 'content-type': 'application/json' });

  /** The bytes at a path, for what `<img>` cannot ask for with a token. */
  bytes = async (path: string): Promise<Blob> => (await this.#request('GET', path)).blob();

  /** An open event stream. */
  stream = (path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> =>
    this.#request('GET', path, undefined, { accept: 'text/event-stream', ...headers }, { signal, cache: 'no-store' });

  async #json<T>(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
    more: RequestInit = {},
  ): Promise<T> {
    const response = await this.#request(method, path, body, headers, more);
    return parse(await response.text()) as T;
  }

  async #request(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
    more: RequestInit = {},
  ): Promise<Response> {
    const response = await this.#send(method, path, body, headers, more);
    if (!response.ok) throw await refusal(response);
    return response;
  }

  async #send(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
    more: RequestInit = {},
  ): Promise<Response> {
    const who: Record<string, string> = {};
    if (this.token) who.authorization = `Bearer ${this.token}`;
    if (this.key) who['x-zao-client'] = this.key;
    try {
      return await this.send(path, { method, body: body ?? null, headers: { ...headers, ...who }, ...more });
    } catch (error) {
      throw more.signal?.aborted ? error : new Unreachable(error);
    }
  }
}
