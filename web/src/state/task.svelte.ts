// One job as it goes on: what its events change. It does NOT fetch anything.

import type { Image, Job, JobEvent } from '../api/types';
import { progressAt } from '../logic/progress';

/** At most this many previews of a picture are shown; a server may send more. */
const PREVIEWS = 3;

export class Task {
  job = $state.raw<Job>() as Job;
  /** The latest preview of each picture, as an address for `<img>`. */
  previews = $state.raw<(string | null)[]>([]);
  /** Whether it was asked to stop and has not yet. */
  stopping = $state(false);
  /** Whether its worker was replaced while it was drawn. */
  requeued = $state(false);
  warnings = $state.raw<string[]>([]);
  /** Whether its events are heard, as far as anybody knows: a list may be older than they are. */
  followed = false;
  #shown: number[] = [];

  constructor(
    job: Job,
    /** Whether it was asked for from this browser: the page follows it, and speaks of it. */
    readonly mine: boolean,
  ) {
    this.replace(job);
    this.previews = job.seeds.map(() => null);
  }

  /** Whether it may be cancelled here: one's own, and what a program of the same machine sent without a key. */
  get changeable(): boolean {
    return this.mine || this.job.changeable;
  }

  get active(): boolean {
    return this.job.status === 'queued' || this.job.status === 'running';
  }

  /** Takes the server's word for everything that was not heard already. */
  replace(job: Job): void {
    const under = job.status === 'queued' || job.status === 'running';
    // The answer to an older question must not bring a finished job back to life, nor put one back a step.
    if (this.job && under && (!this.active || (this.followed && before(job, this.job)))) return;
    this.#take(job);
  }

  #take(job: Job): void {
    this.job = job;
    this.warnings = job.warnings;
  }

  /** Takes an event; returns the pictures that it brings. */
  hear({ name, data }: JobEvent): Image[] {
    const { job } = this;
    this.followed = true;
    switch (name) {
      case 'queued':
        this.job = { ...job, status: 'queued', queue_position: data.position, eta_seconds: data.eta_seconds };
        return [];
      case 'started':
        this.job = { ...job, status: 'running', queue_position: null, started_at: Date.now() / 1000 };
        return [];
      case 'stage':
        this.job = { ...job, status: 'running', progress: progressAt(data.stage, this.#step(data.stage), job.steps) };
        return [];
      case 'step':
        this.job = {
          ...job,
          status: 'running',
          eta_seconds: data.eta_seconds,
          progress: progressAt('denoise', data.step, data.steps),
        };
        return [];
      case 'preview':
        this.#preview(data.index, `data:${data.mime};base64,${data.b64}`);
        return [];
      case 'image':
        this.job = { ...job, images: [...job.images.filter((image) => image.id !== data.image.id), data.image] };
        return [data.image];
      case 'warning':
        if (!this.warnings.includes(data.message)) this.warnings = [...this.warnings, data.message];
        return [];
      case 'requeued':
        this.requeued = true;
        this.#shown = [];
        this.previews = job.seeds.map(() => null);
        this.job = { ...job, status: 'queued', progress: null };
        return [];
      default:
        if (this.active) this.#take(data.state);
        return data.state.images;
    }
  }

  #preview(index: number, address: string): void {
    const count = (this.#shown[index] ?? 0) + 1;
    this.#shown[index] = count;
    if (count > PREVIEWS) return;
    this.previews = this.previews.map((old, at) => (at === index ? address : old));
  }

  #step(stage: string): number {
    return stage === 'decode' ? this.job.steps : 0;
  }
}

/** Whether a job was less far, of two looks at it while it goes on. */
function before(job: Job, known: Job): boolean {
  if (job.status === 'queued') return known.status === 'running';
  return known.status === 'running' && (job.progress?.fraction ?? 0) < (known.progress?.fraction ?? 0);
}
