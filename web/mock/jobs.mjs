// Jobs that wait, step and end as the real server's do, one at a time, or stand still for as long as a test looks at
// them. It does NOT speak HTTP.
//
// Words in a prompt choose what goes wrong: `fail` fails in the middle, `drop` breaks every
// connection once in the middle, `requeue` loses its worker once, `slow` takes five times as long,
// `overlong` is read in part.

import { Stream } from './events.mjs';
import { paint, preview } from './paint.mjs';
import { encode } from './png.mjs';

export class Studio {
  /** @type {Map<string, any>} */
  jobs = new Map();
  /** Pictures, oldest first. @type {Map<string, { image: any, png: Buffer, recipe: any, picture: any }>} */
  images = new Map();
  /** What was asked for, as it was sent, by job. @type {Map<string, any>} */
  received = new Map();
  queueStream = new Stream();
  #streams = new Map();
  #waiting = [];
  #running = null;
  /** Whether anybody draws; what is sent waits else. */
  #draws = true;
  /** The step at which what is drawn stands still; what lets it go on. @type {number | null} */
  #heldAt = null;
  #goOn = () => {};
  #owners = new Map();
  #counter = 0;
  #stepMs;
  #onDrop;

  constructor({ stepMs, onDrop }) {
    this.#stepMs = stepMs;
    this.#onDrop = onDrop;
  }

  get depth() {
    return this.#waiting.length;
  }

  queue() {
    return { queued: this.#waiting.length, running: this.#running ? 1 : 0, eta_seconds: this.#wait(this.#waiting.length) };
  }

  /** Whether a job came with this key. */
  isOf(id, key) {
    return key !== undefined && this.#owners.get(id) === key;
  }

  /** Whether somebody with this key may cancel a job or delete its pictures: those without a key are anybody's. */
  mayChange(id, key) {
    return this.#owners.get(id) === undefined || this.isOf(id, key);
  }

  /** How many jobs under way came with this key. */
  underWay(key) {
    const active = [...this.jobs.values()].filter(({ status }) => status === 'queued' || status === 'running');
    return key === undefined ? null : active.filter(({ id }) => this.isOf(id, key)).length;
  }

  /** Has somebody draw, or nobody. */
  draw(draws) {
    this.#draws = draws;
    if (draws) setImmediate(() => this.#next());
  }

  /** Has whatever is drawn stand still once it has told step `step`. What stands still already goes on until then. */
  hold(step) {
    this.#heldAt = step;
    this.#goOn();
  }

  /** Lets go what stands still, and holds nothing any more. */
  letGo() {
    this.hold(null);
  }

  stream(id) {
    return this.#streams.get(id);
  }

  /** Queues a valid request, which came with a key or none, and returns its job. */
  submit(request, key) {
    const now = Date.now() / 1000;
    const id = `job_${(++this.#counter).toString(36)}${Math.floor(now * 1000).toString(36)}`;
    const first = BigInt(request.seed ?? Math.floor(Math.random() * 2 ** 32));
    const count = request.count ?? 1;
    const job = {
      id,
      status: 'queued',
      created_at: now,
      started_at: null,
      finished_at: null,
      // Files are not sent back.
      request: Object.fromEntries(
        Object.entries(request).map(([field, value]) => [field, String(value).startsWith('data:') ? 'data:' : value]),
      ),
      seeds: Array.from({ length: count }, (_, index) => Number(first + BigInt(index))),
      width: request.width ?? 256,
      height: request.height ?? 256,
      steps: request.steps ?? 8,
      queue_position: null,
      eta_seconds: null,
      progress: null,
      images: [],
      timing: null,
      warnings: [],
      error: null,
      links: { self: `/v1/jobs/${id}`, events: `/v1/jobs/${id}/events` },
    };
    this.jobs.set(id, job);
    this.received.set(id, request);
    this.#owners.set(id, key);
    this.#streams.set(id, new Stream());
    this.#waiting.push(job);
    this.#renumber();
    if (!this.#running) setImmediate(() => this.#next());
    return job;
  }

  /** Cancels; false where the job is over. */
  cancel(job) {
    if (job.status === 'queued') {
      this.#waiting = this.#waiting.filter((other) => other !== job);
      this.#finish(job, 'cancelled', null);
      this.#renumber();
      return true;
    }
    if (job.status !== 'running') return false;
    job.cancelling = true;
    return true;
  }

  /** Puts a finished picture into the history without a job's life. */
  hang(prompt, seed, width, height, key) {
    const job = this.submit({ prompt, seed, width, height }, key);
    this.#waiting = this.#waiting.filter((other) => other !== job);
    job.progress = null;
    this.#deliver(job, 0);
    this.#finish(job, 'completed', null);
    return job;
  }

  /** Lets go of all that waits, and of what is drawn at its next step. */
  stop() {
    this.#waiting = [];
    if (this.#running) this.#running.cancelling = true;
    this.letGo();
    this.cutEverything();
  }

  cutEverything() {
    for (const stream of this.#streams.values()) stream.cut();
    this.queueStream.cut();
  }

  #wait(ahead) {
    const one = (this.#stepMs * 10) / 1000;
    return Math.round((ahead + (this.#running ? 0.5 : 0) + 1) * one * 10) / 10;
  }

  #renumber() {
    this.#waiting.forEach((job, index) => {
      job.queue_position = index + 1;
      job.eta_seconds = this.#wait(index);
      this.#send(job, 'queued', { position: job.queue_position, eta_seconds: job.eta_seconds });
    });
    this.queueStream.send('queue', this.queue());
  }

  #send(job, event, data) {
    this.#streams.get(job.id).send(event, { job: job.id, ...data });
  }

  async #next() {
    if (this.#running || !this.#draws) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#running = job;
    Object.assign(job, { status: 'running', started_at: Date.now() / 1000, queue_position: null });
    this.#send(job, 'started', { worker: 'mock-0' });
    this.#renumber();
    await this.#draw(job);
    this.#running = null;
    this.queueStream.send('queue', this.queue());
    setImmediate(() => this.#next());
  }

  async #draw(job) {
    const { prompt } = job.request;
    const step = this.#stepMs * (prompt.includes('slow') ? 5 : 1);
    if (job.request.negative_prompt && !(job.request.guidance > 0)) {
      this.#warn(job, 'negative_prompt has no effect without guidance');
    }
    if (prompt.includes('overlong')) {
      this.#warn(job, 'the prompt is 1407 tokens long with its template; only 512 are read, the last 895 are cut off');
    }
    this.#stage(job, 'text', 0.04);
    await pause(step);
    this.#stage(job, 'denoise', 0.1);
    const pictures = job.seeds.map((seed) => paint(prompt, seed, job.width, job.height));
    const shown = Math.min(3, job.request.previews ?? 3);
    const previewSteps = new Set(Array.from({ length: shown }, (_, k) => Math.ceil(((k + 1) * job.steps) / (shown + 1))));
    for (let number = 1; number <= job.steps; number++) {
      await pause(step);
      if (job.cancelling) return this.#finish(job, 'cancelled', null);
      const eta = ((job.steps - number + 1) * step) / 1000;
      job.eta_seconds = eta;
      job.progress = { stage: 'denoise', step: number, steps: job.steps, fraction: 0.1 + (0.8 * number) / job.steps };
      this.#send(job, 'step', { step: number, steps: job.steps, eta_seconds: eta, picture: null });
      if (previewSteps.has(number)) {
        pictures.forEach((picture, index) => {
          const small = preview(picture, number / job.steps, 96);
          const b64 = encode(small).toString('base64');
          this.#send(job, 'preview', { index, mime: 'image/png', b64, width: small.width, height: small.height });
        });
      }
      if (number === this.#heldAt) await new Promise((resolve) => (this.#goOn = resolve));
      if (number === 3 && prompt.includes('drop') && !job.dropped) {
        job.dropped = true;
        this.#onDrop();
      }
      if (number === 3 && prompt.includes('requeue') && !job.lost) {
        job.lost = true;
        Object.assign(job, { status: 'queued', progress: null });
        this.#waiting.unshift(job);
        this.#send(job, 'requeued', { reason: 'the worker was replaced' });
        return undefined;
      }
      if (number === 4 && prompt.includes('fail')) {
        return this.#finish(job, 'failed', {
          message: 'a picture of this size needs 9.1 GB and 6.0 GB are free; 768x768 would fit',
          type: 'server_error',
          code: 'out_of_memory',
          param: null,
          docs: null,
          request_id: 'req_mock',
        });
      }
    }
    this.#stage(job, 'decode', 0.92);
    await pause(step);
    job.seeds.forEach((_, index) => this.#send(job, 'image', { image: this.#deliver(job, index, pictures[index]) }));
    return this.#finish(job, 'completed', null);
  }

  #warn(job, message) {
    job.warnings.push(message);
    this.#send(job, 'warning', { message });
  }

  #stage(job, stage, fraction) {
    job.progress = { stage, step: stage === 'decode' ? job.steps : 0, steps: job.steps, fraction };
    this.#send(job, 'stage', { stage });
  }

  #deliver(job, index, painted) {
    const { id, request, width, height, steps } = job;
    const seed = job.seeds[index];
    const picture = painted ?? paint(request.prompt, seed, width, height);
    const recipe = {
      zao: 1,
      zao_version: '0.1.0',
      prompt: request.prompt,
      ...(request.negative_prompt ? { negative_prompt: request.negative_prompt } : {}),
      model: { name: 'demo', fingerprint: 'd97db9edf60efe12' },
      width,
      height,
      steps,
      guidance: request.guidance ?? 0,
      cfg_normalization: 0,
      cfg_truncation: 1,
      seed,
      rng: request.rng ?? 'torch-cpu',
      shift: 3,
      precision: 'f32',
      device: 'mock',
    };
    const parameters =
      `${recipe.prompt}\n` +
      (recipe.negative_prompt ? `Negative prompt: ${recipe.negative_prompt}\n` : '') +
      `Steps: ${steps}, Sampler: Euler, CFG scale: ${recipe.guidance + 1}, Seed: ${seed}, Size: ${width}x${height}`;
    const png = encode(picture, { parameters, zao: JSON.stringify(recipe) });
    const name = `img_${id.slice(4)}_${index}`;
    const url = `/v1/images/${name}`;
    const image = {
      id: name,
      job: id,
      index,
      url,
      thumb_url: `${url}?thumb=256`,
      seed,
      width,
      height,
      prompt: request.prompt,
      bytes: png.length,
      created_at: Date.now() / 1000,
      kept: false,
    };
    this.images.set(name, { image, png, recipe, picture });
    job.images.push(image);
    return image;
  }

  #finish(job, status, error) {
    const now = Date.now() / 1000;
    const started = job.started_at ?? now;
    Object.assign(job, { status, error, finished_at: now, queue_position: null, eta_seconds: null, progress: null });
    job.timing = { queue_seconds: started - job.created_at, inference_seconds: now - started, total_seconds: now - job.created_at };
    this.#send(job, status, { state: job });
    this.#streams.get(job.id).end();
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
