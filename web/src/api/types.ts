// What travels between the page and `zao serve`, under the names that the page uses. The types themselves are made of the server's
// own description (`npm run types`), so that a field that is renamed there breaks the build here. Nothing is checked at run time: the
// server is the one that comes with this page.

import type { components } from './openapi';

type Schemas = components['schemas'];

/** A whole number from 0 to 2^64 - 1 as decimal digits: JavaScript's numbers end at 2^53. */
export type Seed = string;

export type JobStatus = Schemas['JobStatus'];
export type StageName = Schemas['Stage'];
export type Priority = Schemas['Priority'];
export type Rng = Schemas['Rng'];
export type TierName = Schemas['TierName'];

export type LoraUse = Schemas['Lora'];
export type JobRequest = Schemas['JobRequest'];
export type Image = Schemas['Image'];
export type Progress = Schemas['Progress'];
export type JobTiming = Schemas['JobTiming'];
export type Job = Schemas['Job'];

/** Why a request was refused. Its code may be any: what stands before the server may answer, too. */
export type ErrorBody = Omit<Schemas['Cause'], 'code'> & { code: string };
/** Why a job failed. */
export type JobError = Schemas['ErrorBody'];

type Event = Schemas['JobEvent'];

/** What arrives on the stream of a job, by event. */
export type JobEvents = { [Name in Event['event']]: Extract<Event, { event: Name }>['data'] };
export type JobEvent = { [Name in keyof JobEvents]: { name: Name; data: JobEvents[Name] } }[keyof JobEvents];

/** Whether the server would draw what is sent now, and why not. */
export type Readiness = Schemas['Readiness'];

export type QueueState = Schemas['Outlook'];
export type Tier = Schemas['Tier'];
export type Capabilities = Schemas['Capabilities'];
export type Lora = Schemas['Adapter'];
export type Recipe = Schemas['Recipe'];
export type PngInfo = Schemas['PngInfo'];

export type Loras = Schemas['Adapters'];
export type Jobs = Schemas['Jobs'];
export type Images = Schemas['Images'];
