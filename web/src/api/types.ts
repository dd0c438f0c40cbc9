// What travels between the page and `zao serve`, as the interface says it. Nothing here is checked at
// run time: the server is the one that comes with this page.

/** A whole number from 0 to 2^64 - 1 as decimal digits: JavaScript's numbers end at 2^53. */
export type Seed = string;

export type JobStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
export type StageName = 'load' | 'encode' | 'text' | 'denoise' | 'decode';
export type Priority = 'low' | 'normal' | 'high';
export type Rng = 'torch-cpu' | 'nv';
export type TierName = 'draft' | 'standard' | 'high';

export interface LoraUse {
  name: string;
  scale: number;
}

/** What to draw; whatever is absent or null is left to the server. */
export interface JobRequest {
  prompt: string;
  negative_prompt?: string | null;
  /** Pixels, a multiple of `size_multiple`. */
  width?: number | null;
  height?: number | null;
  steps?: number | null;
  /** 0 is off. */
  guidance?: number | null;
  seed?: Seed | null;
  count?: number | null;
  rng?: Rng | null;
  loras?: LoraUse[] | null;
  /** A data URL, or the id of a picture of this server. Sent back, a data URL is only `data:`. */
  image?: string | null;
  /** White where `image` is drawn anew, black where it stays. */
  mask?: string | null;
  /** How much `image` is changed, above 0 and up to 1. */
  strength?: number | null;
  priority?: Priority;
  /** How many previews to send while the picture is drawn. */
  previews?: number;
}

export interface Image {
  id: string;
  job: string;
  /** Which picture of its job, from 0. */
  index: number;
  url: string;
  thumb_url: string;
  seed: Seed;
  width: number;
  height: number;
  prompt: string;
  bytes: number;
  /** Seconds since 1970. */
  created_at: number;
}

export interface Progress {
  stage: StageName;
  step: number;
  steps: number;
  /** 0 to 1. */
  fraction: number;
}

export interface Timing {
  queue_seconds: number;
  inference_seconds: number;
  total_seconds: number;
}

export interface ErrorBody {
  message: string;
  type: string;
  code: string;
  param: string | null;
  docs: string | null;
  request_id: string | null;
}

export interface Job {
  id: string;
  status: JobStatus;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  request: JobRequest;
  seeds: Seed[];
  width: number;
  height: number;
  steps: number;
  /** 1 is next. */
  queue_position: number | null;
  /** Until the job is done. */
  eta_seconds: number | null;
  progress: Progress | null;
  images: Image[];
  timing: Timing | null;
  warnings: string[];
  error: ErrorBody | null;
  links: { self: string; events: string };
}

/** What arrives on the stream of a job, by event. */
export interface JobEvents {
  snapshot: { job: string; state: Job };
  queued: { job: string; position: number; eta_seconds: number | null };
  started: { job: string; worker: string };
  stage: { job: string; stage: StageName };
  step: { job: string; step: number; steps: number; eta_seconds: number | null; picture: number | null };
  preview: { job: string; index: number; mime: string; b64: string; width: number; height: number };
  image: { job: string; image: Image };
  warning: { job: string; message: string };
  requeued: { job: string; reason: string };
  completed: { job: string; state: Job };
  failed: { job: string; state: Job };
  cancelled: { job: string; state: Job };
}

export type JobEvent = { [Name in keyof JobEvents]: { name: Name; data: JobEvents[Name] } }[keyof JobEvents];

export interface QueueState {
  queued: number;
  running: number;
  eta_seconds: number | null;
}

export interface Tier {
  name: TierName;
  pixels: number;
  width: number;
  height: number;
  /** Null until one was drawn. */
  seconds: number | null;
  /** Absent where the server does not know. */
  memory_bytes?: number | null;
  fits: boolean;
}

export interface Capabilities {
  version: string;
  model: { name: string; fingerprint: string };
  /** These three are null before a worker has started. */
  device: string | null;
  precision: string | null;
  precision_reason: string | null;
  size_multiple: number;
  min_side: number;
  max_width: number;
  max_height: number;
  max_pixels: number;
  default_size: { width: number; height: number };
  default_steps: number;
  max_steps: number;
  max_count: number;
  tiers: Tier[];
  guidance: { default: number; max: number; useful: boolean };
  rngs: Rng[];
  previews: { default: number; max: number };
  inputs: { image: boolean; mask: boolean; max_bytes: number };
  max_prompt_characters: number;
  max_prompt_tokens: number;
  queue: { max: number; max_per_client: number };
  retention: { seconds: number; bytes: number };
  loras: boolean;
  features: string[];
}

export interface Lora {
  name: string;
  /** Absent where the server has not looked into the file. */
  kind?: string | null;
  rank?: number | null;
}

/** How a picture was made; what the page reads of it. */
export interface Recipe {
  prompt: string;
  negative_prompt?: string | null;
  width: number;
  height: number;
  steps: number;
  guidance: number;
  seed: Seed;
  rng: Rng;
  model: { name: string; fingerprint: string };
  image?: { strength?: number } | null;
  loras?: LoraUse[];
  precision: string;
  device: string;
}

export interface PngInfo {
  recipe: Recipe | null;
  request: JobRequest | null;
  parameters: string | null;
  source: 'zao' | 'a1111' | 'fooocus' | null;
}
