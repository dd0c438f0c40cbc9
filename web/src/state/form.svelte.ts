// The form: what would be drawn now. Kept from visit to visit. It does NOT send anything.

import type { Capabilities, JobRequest, LoraUse, Rng } from '../api/types';
import type { Wish } from '../logic/recall';
import { isSeed } from '../logic/seeds';
import { ratioOf, sizeOf, wrongSide, type Ratio } from '../logic/sizes';
import { keep, kept, keepLarge, keptLarge } from './kept';

/** A picture to begin with: a file of the visitor, or a picture of the server. */
export type Beginning = { kind: 'file'; name: string; url: string } | { kind: 'picture'; id: string; url: string };

/** The tiers of the server, and the size that the model was made for. */
export type TierChoice = 'own' | 'draft' | 'standard' | 'high';

const FILE = 'beginning';
const MASK = 'mask';

interface Typed extends Wish {
  count: number;
  strength: number;
  previews: boolean;
  /** Whether the size was chosen here; else it is the model's own. */
  sized: boolean;
}

const FIRST: Typed = {
  prompt: '',
  negative: '',
  width: 1024,
  height: 1024,
  steps: 8,
  guidance: 0,
  seed: '',
  rng: 'torch-cpu',
  loras: [],
  count: 1,
  strength: 0.6,
  previews: true,
  sized: false,
};

class Form implements Typed {
  prompt = $state('');
  negative = $state('');
  width = $state(1024);
  height = $state(1024);
  steps = $state(8);
  guidance = $state(0);
  seed = $state('');
  rng = $state<Rng>('torch-cpu');
  loras = $state<LoraUse[]>([]);
  count = $state(1);
  strength = $state(0.6);
  previews = $state(true);
  sized = $state(false);
  beginning = $state.raw<Beginning | null>(null);
  /** A PNG as a data URL: white where that picture may change; null for everywhere. */
  mask = $state.raw<string | null>(null);

  constructor() {
    this.put({ ...FIRST, ...kept<Partial<Typed>>('form', {}) });
  }

  /** Begins to keep what is typed, and brings back the picture to begin with. */
  start(): void {
    const from = kept<Beginning | { kind: 'file'; name: string } | null>('beginning', null);
    if (from?.kind === 'picture') this.beginning = from;
    if (from) void keptLarge(MASK).then((mask) => (this.mask ??= mask));
    if (from?.kind === 'file') {
      void keptLarge(FILE).then((url) => {
        if (url && !this.beginning) this.beginning = { kind: 'file', name: from.name, url };
      });
    }
    $effect.root(() => {
      $effect(() => keep('form', this.typed()));
    });
  }

  put(some: Partial<Typed>): void {
    Object.assign(this, some);
  }

  typed(): Typed {
    const { prompt, negative, width, height, steps, guidance, seed, rng, count, strength, previews, sized } = this;
    const loras = this.loras.map(({ name, scale }) => ({ name, scale }));
    return { prompt, negative, width, height, steps, guidance, seed, rng, loras, count, strength, previews, sized };
  }

  /** Takes what the model would choose for everything that nobody has chosen. */
  suit(can: Capabilities): void {
    if (!this.sized) this.put(can.default_size);
    if (kept('form.model', '') !== can.model.name) {
      this.put({ steps: can.default_steps, guidance: can.guidance.default, loras: [] });
      keep('form.model', can.model.name);
      // A size beyond this model is refused, so it is not carried over from another one.
      if (this.width * this.height > can.max_pixels || this.width > can.max_width || this.height > can.max_height) {
        this.put({ ...can.default_size, sized: false });
      }
    }
    this.count = Math.min(this.count, can.max_count);
    this.steps = Math.min(this.steps, can.max_steps);
  }

  startOver(can: Capabilities): void {
    this.put({ ...FIRST, prompt: this.prompt, steps: can.default_steps, guidance: can.guidance.default, ...can.default_size });
    this.begin(null);
  }

  resize(pixels: number, ratio: Ratio, can: Capabilities): void {
    this.put({ ...sizeOf(pixels, ratio, can), sized: true });
  }

  swap(): void {
    this.put({ width: this.height, height: this.width, sized: true });
  }

  /** Begins with a picture, all of which may change, or with none. */
  begin(beginning: Beginning | null): void {
    this.beginning = beginning;
    this.cover(null);
    keep('beginning', beginning?.kind === 'file' ? { kind: 'file', name: beginning.name } : beginning);
    void keepLarge(FILE, beginning?.kind === 'file' ? beginning.url : null);
  }

  /** Keeps what a mask leaves black. */
  cover(mask: string | null): void {
    this.mask = mask;
    void keepLarge(MASK, mask);
  }

  /** The tier whose size this is, by its ratio; null where the numbers are somebody's own. */
  tier(can: Capabilities): TierChoice | null {
    const ratio = ratioOf(this);
    if (!ratio) return null;
    const same = (pixels: number) => {
      const size = sizeOf(pixels, ratio, can);
      return size.width === this.width && size.height === this.height;
    };
    // A tier of as many pixels as the model's own size is the same choice, and has the better name.
    const named = can.tiers.find((tier) => same(tier.pixels));
    return named?.name ?? (same(ownPixels(can)) ? 'own' : null);
  }

  /** Whether the numbers are such that the server would take them. */
  valid(can: Capabilities | null): boolean {
    if (this.seed !== '' && !isSeed(this.seed)) return false;
    if (!can) return true;
    if (wrongSide(this.width, can.max_width, can) || wrongSide(this.height, can.max_height, can)) return false;
    return this.width * this.height <= can.max_pixels;
  }

  request(can: Capabilities | null): JobRequest {
    const { width, height, steps, guidance, count, rng } = this;
    const request: JobRequest = { prompt: this.prompt.trim(), width, height, steps, guidance, count, rng };
    if (this.negative.trim()) request.negative_prompt = this.negative.trim();
    if (this.seed !== '') request.seed = this.seed;
    if (this.loras.length > 0) request.loras = this.loras.map(({ name, scale }) => ({ name, scale }));
    if (this.beginning) {
      request.image = this.beginning.kind === 'file' ? this.beginning.url : this.beginning.id;
      request.strength = this.strength;
      if (this.mask) request.mask = this.mask;
    }
    request.previews = this.previews ? Math.min(3, can?.previews.max ?? 3) : 0;
    return request;
  }
}

/** What a form says that nobody has touched. */
export function blank(): Wish {
  return { ...FIRST };
}

/** How many pixels the model's own size has. */
export function ownPixels(can: Capabilities): number {
  return can.default_size.width * can.default_size.height;
}

export const form = new Form();
