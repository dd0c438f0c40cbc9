import { expect, test } from 'vitest';

import type { Job } from '../api/types';
import { Task } from './task.svelte';

const job = (changed: Partial<Job>): Job =>
  ({ id: 'job_1', status: 'queued', seeds: [1], steps: 8, images: [], warnings: [], progress: null, queue_position: 1, ...changed }) as unknown as Job;
const at = (step: number): Job => job({ status: 'running', queue_position: null, progress: { stage: 'denoise', step, steps: 8, fraction: 0.1 + 0.1 * step } });

test('a list that was asked for before a step came does not put the job back', () => {
  const task = new Task(job({}), true);
  task.hear({ name: 'started', data: { job: 'job_1', worker: 'cpu' } });
  task.hear({ name: 'step', data: { job: 'job_1', step: 4, steps: 8, eta_seconds: 1, picture: null } });
  task.replace(at(3));
  task.replace(job({}));
  expect(task.job.progress?.step).toBe(4);
  expect(task.job.status).toBe('running');
  task.replace(at(5));
  expect(task.job.progress?.step).toBe(5);
});

test('a job that lost its worker begins again, and so does one that nobody follows', () => {
  const task = new Task(at(5), true);
  task.hear({ name: 'requeued', data: { job: 'job_1', reason: 'the worker was replaced' } });
  expect(task.job.status).toBe('queued');
  task.replace(at(1));
  expect(task.job.progress?.step).toBe(1);

  const other = new Task(at(5), false);
  other.replace(job({}));
  expect(other.job.status).toBe('queued');
});

test('what a stream says first is how it is, and what is over stays over', () => {
  const task = new Task(at(5), true);
  task.hear({ name: 'step', data: { job: 'job_1', step: 6, steps: 8, eta_seconds: 1, picture: null } });
  task.hear({ name: 'snapshot', data: { job: 'job_1', state: at(2) } });
  expect(task.job.progress?.step).toBe(2);
  task.hear({ name: 'completed', data: { job: 'job_1', state: job({ status: 'completed' }) } });
  task.replace(at(7));
  expect(task.job.status).toBe('completed');
});
