// What the mock says that it can do: the demo model on a processor, or the real one on a card. It
// does NOT draw accordingly.

const COMMON = {
  version: '0.1.0',
  size_multiple: 16,
  min_side: 16,
  default_steps: 8,
  max_steps: 50,
  max_count: 8,
  guidance: { default: 0, max: 20, useful: false },
  rngs: ['torch-cpu', 'nv'],
  previews: { default: 3, max: 8 },
  inputs: { image: true, mask: true, max_bytes: 20000000 },
  max_prompt_characters: 4000,
  max_prompt_tokens: 512,
  queue: { max: 256, max_per_client: 64 },
  retention: { seconds: 604800, bytes: 2000000000 },
  features: ['jobs', 'events', 'openai', 'a1111'],
};

export const MODELS = {
  demo: {
    ...COMMON,
    model: { name: 'demo', fingerprint: 'd97db9edf60efe12' },
    device: 'AMD EPYC, 2 cores',
    precision: 'f32',
    precision_reason: 'a model this small loses nothing by it',
    max_width: 1024,
    max_height: 1024,
    max_pixels: 1048576,
    default_size: { width: 256, height: 256 },
    tiers: [
      { name: 'draft', pixels: 589824, width: 768, height: 768, seconds: 7.2, memory_bytes: 1210000000, fits: true },
      { name: 'standard', pixels: 1048576, width: 1024, height: 1024, seconds: null, memory_bytes: 2080000000, fits: true },
      { name: 'high', pixels: 1638400, width: 1280, height: 1280, seconds: null, memory_bytes: 3260000000, fits: false },
    ],
    loras: false,
  },
  turbo: {
    ...COMMON,
    model: { name: 'z-image-turbo', fingerprint: '5b1f0a77c2d94e13' },
    device: 'NVIDIA H100 80GB HBM3',
    precision: 'bf16',
    precision_reason: 'everything fits into 79.6 GB',
    max_width: 2048,
    max_height: 2048,
    max_pixels: 4194304,
    default_size: { width: 1024, height: 1024 },
    tiers: [
      { name: 'draft', pixels: 589824, width: 768, height: 768, seconds: 0.45, memory_bytes: 21100000000, fits: true },
      { name: 'standard', pixels: 1048576, width: 1024, height: 1024, seconds: 0.75, memory_bytes: 22300000000, fits: true },
      { name: 'high', pixels: 1638400, width: 1280, height: 1280, seconds: 1.3, memory_bytes: 24100000000, fits: true },
    ],
    loras: true,
  },
};

export const LORAS = [
  { name: 'ink-wash', bytes: 42600000, kind: 'LoRA', rank: 16, loaded: false, problem: null },
  { name: 'paper-cut', bytes: 85100000, kind: 'LoRA', rank: 32, loaded: true, problem: null },
  { name: 'woodblock', bytes: 21700000, kind: 'DoRA', rank: 8, loaded: false, problem: null },
];
