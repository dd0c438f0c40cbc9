// The jobs that wait, are drawn, or have just ended: sent, followed, cancelled. It does NOT show them.
//
// Browsers allow six connections to a plain HTTP server, and a page may have thirty jobs and a sister
// in another tab. So one stream tells about the queue as a whole, at most two follow jobs, and all
// others are asked for when the queue has changed. A tab that nobody sees keeps no stream at all.

import { Refused } from '../api/errors';
import { follow } from '../api/stream';
import { parse } from '../api/json';
import type { Job, JobEvent, JobRequest, QueueState } from '../api/types';
import { gallery } from './gallery.svelte';
import { health } from './health.svelte';
import { keep, kept } from './kept';
import { narrate } from './narrate';
import { notices } from './notices.svelte';
import { server } from './server.svelte';
import { Task } from './task.svelte';
import { view } from './view.svelte';

const FOLLOWED = 2;
const POLL_MS = 3000;
const BREATH_MS = 300;
const ENDED_KEPT = 20;
// Longer than a step takes on most machines; asking costs next to nothing.
const QUIET_MS = 10_000;

class Jobs {
  /** In the order in which they were sent, the latest first. */
  tasks = $state.raw<Task[]>([]);
  queue = $state.raw<QueueState | null>(null);
  active = $derived(this.tasks.filter((task) => task.active));
  #mine = new Set(kept<string[]>('jobs', []));
  #listening = false;
  #streams = new Map<string, () => void>();
  #closeQueue: (() => void) | null = null;
  #asking: Promise<void> | null = null;
  #askAgain = false;
  #poll: ReturnType<typeof setInterval> | null = null;
  #pause: ReturnType<typeof setTimeout> | null = null;
  #quiet: ReturnType<typeof setTimeout> | null = null;

  /** Finds the jobs of earlier visits and follows what goes on. */
  async start(): Promise<void> {
    document.addEventListener('visibilitychange', () => this.#attend());
    await this.catchUp();
    this.#attend();
  }

  /**
   * Sends a request under a key that makes it the same request when it is sent again.
   * @throws what the server answers; nothing is queued then.
   */
  async submit(request: JobRequest, key: string): Promise<Task> {
    const job = await server.client.submit(request, key);
    this.#own(job.id, true);
    const task = this.#take(job, true);
    this.#choose();
    // Whoever draws nothing takes jobs as well.
    void health.look();
    return task;
  }

  async cancel(task: Task): Promise<void> {
    if (!task.active || task.stopping || !task.changeable) return;
    task.stopping = true;
    try {
      this.#replace(task, await server.client.cancel(task.job.id));
      if (task.job.status !== 'running') task.stopping = false;
      void this.catchUp();
    } catch (error) {
      task.stopping = false;
      if (error instanceof Refused) await this.#ask(task);
      else server.heard(error);
    }
  }

  /** Takes up a job of this browser that is over, to be looked at. */
  meet(job: Job): Task {
    return this.#take(job, true);
  }

  /** Forgets a job that is over. */
  dismiss(task: Task): void {
    this.tasks = this.tasks.filter((other) => other !== task);
  }

  /** Asks again, but not for each of many changes. */
  #soon(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = null;
      void this.catchUp();
    }, BREATH_MS);
  }

  /** Asks the server how everything is: after a pause, or when the queue has changed. */
  catchUp(): Promise<void> {
    if (this.#asking) {
      this.#askAgain = true;
      return this.#asking;
    }
    this.#asking = this.#askAll().finally(() => {
      this.#asking = null;
      if (this.#askAgain) {
        this.#askAgain = false;
        void this.catchUp();
      }
    });
    return this.#asking;
  }

  async #askAll(): Promise<void> {
    try {
      const listed = await server.client.jobs(['running', 'queued']);
      for (const job of listed.reverse()) this.#take(job, job.mine || this.#mine.has(job.id));
      const ids = new Set(listed.map((job) => job.id));
      const silent = this.tasks.filter((task) => task.active && !ids.has(task.job.id));
      const forgotten = [...this.#mine].filter((id) => !ids.has(id) && !this.tasks.some((task) => task.job.id === id));
      await Promise.all([...silent.map((task) => this.#ask(task)), ...forgotten.map((id) => this.#meet(id))]);
      if (!this.#listening) this.queue = await server.client.queue();
      server.lost = false;
    } catch (error) {
      server.heard(error);
    }
    this.#choose();
  }

  /** Asks about one job that is known. */
  async #ask(task: Task): Promise<void> {
    try {
      this.#replace(task, await server.client.job(task.job.id));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 404 || error.status === 410) this.#forget(task);
    }
  }

  /** Asks about a job of an earlier visit. */
  async #meet(id: string): Promise<void> {
    try {
      this.#take(await server.client.job(id), true);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#release(id);
    }
  }

  #take(job: Job, mine: boolean): Task {
    const known = this.tasks.find((task) => task.job.id === job.id);
    if (known) {
      this.#replace(known, job);
      return known;
    }
    const task = new Task(job, mine);
    this.tasks = [task, ...this.tasks];
    this.#settle(task);
    return task;
  }

  #replace(task: Task, job: Job): void {
    const before = task.job;
    task.replace(job);
    if (task.mine) narrate(before, task.job);
    this.#settle(task);
  }

  #hear(task: Task, event: JobEvent): void {
    const before = task.job;
    for (const image of task.hear(event)) gallery.add(image);
    this.#stir();
    if (task.mine) narrate(before, task.job);
    this.#settle(task);
  }

  /** What follows from a job being over: its pictures hang, nobody has to remember it. */
  #settle(task: Task): void {
    if (task.active) return;
    task.stopping = false;
    for (const image of task.job.images) gallery.add(image);
    this.#release(task.job.id);
    const ended = this.tasks.filter((other) => !other.active);
    const surplus = new Set(ended.slice(ENDED_KEPT));
    if (surplus.size > 0) this.tasks = this.tasks.filter((other) => !surplus.has(other));
    this.#choose();
  }

  #forget(task: Task): void {
    if (task.mine) notices.show(view.words.errors.expired);
    this.tasks = this.tasks.filter((other) => other !== task);
    this.#release(task.job.id);
  }

  #release(id: string): void {
    this.#streams.get(id)?.();
    this.#streams.delete(id);
    if (this.#mine.has(id)) this.#own(id, false);
  }

  /** Remembers or forgets that a job is this browser's; other tabs keep theirs in the same place. */
  #own(id: string, mine: boolean): void {
    const all = new Set([...kept<string[]>('jobs', []), ...this.#mine]);
    for (const set of [all, this.#mine]) {
      if (mine) set.add(id);
      else set.delete(id);
    }
    keep('jobs', all.size > 0 ? [...all] : null);
  }

  /** Opens and closes streams so that the jobs nearest to the brush are followed. */
  #choose(): void {
    const wanted = document.hidden ? [] : [...this.active].sort(byUrgency).slice(0, FOLLOWED);
    const ids = new Set(wanted.map((task) => task.job.id));
    for (const [id, close] of this.#streams) {
      if (ids.has(id)) continue;
      close();
      this.#unheard(id);
      this.#streams.delete(id);
    }
    for (const task of wanted) if (!this.#streams.has(task.job.id)) this.#open(task);
  }

  /** What is not followed is known by what the server answers alone. */
  #unheard(id: string): void {
    const task = this.tasks.find((other) => other.job.id === id);
    if (task) task.followed = false;
  }

  #open(task: Task): void {
    const { id } = task.job;
    const close = follow(server.client.stream, `/v1/jobs/${encodeURIComponent(id)}/events`, {
      open: () => (server.lost = false),
      lost: () => {
        server.lost = true;
        task.followed = false;
      },
      event: ({ name, data }) => this.#hear(task, { name, data: parse(data) } as JobEvent),
      refused: () => void this.#ask(task).catch((error: unknown) => server.heard(error)),
      ended: () => (task.active ? 'again' : 'done'),
    });
    this.#streams.set(id, close);
  }

  /** Where much is to do and nothing happens for a while, the server is asked how it is. */
  #stir(): void {
    if (this.#quiet) clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (this.active.length === 0 || document.hidden) return;
      void health.look();
      this.#stir();
    }, QUIET_MS);
  }

  #askNowAndThen(): void {
    this.#poll ??= setInterval(() => {
      if (this.active.length > 0) void this.catchUp();
    }, POLL_MS);
  }

  /** Streams while somebody looks; else a question now and then, while there is something to ask. */
  #attend(): void {
    if (this.#poll) clearInterval(this.#poll);
    this.#poll = null;
    this.#closeQueue?.();
    this.#closeQueue = null;
    this.#listening = false;
    if (document.hidden) {
      this.#choose();
      this.#askNowAndThen();
      return;
    }
    this.#closeQueue = follow(server.client.stream, '/v1/queue/events', {
      open: () => {
        server.lost = false;
        this.#listening = true;
        // Whatever happened while nobody listened is asked for.
        void this.catchUp();
        void gallery.refresh();
        void health.look();
      },
      lost: () => {
        server.lost = true;
        this.#listening = false;
      },
      refused: (error) => {
        server.heard(error);
        if (error.status !== 401) this.#askNowAndThen();
      },
      event: ({ data }) => {
        this.queue = parse(data) as QueueState;
        this.#soon();
        this.#stir();
      },
      ended: () => 'again',
    });
  }
}

function byUrgency(a: Task, b: Task): number {
  const rank = ({ job, mine }: Task) => (job.status === 'running' ? 0 : 1000 + (job.queue_position ?? 0)) + (mine ? 0 : 0.5);
  return rank(a) - rank(b);
}

export const jobs = new Jobs();
