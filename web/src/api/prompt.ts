// What the server says about a prompt before anything is drawn: findings, slots, advice. It does NOT
// send anything; `Client.aboutPrompt` does.

export const CHECK = '/v1/prompt/check';
export const TEMPLATE = '/v1/prompt/template';
export const ADVICE = '/v1/prompt/advice';

export interface CheckRequest {
  prompt: string;
  negative_prompt?: string;
  /** Of the sentences in the answer. */
  language?: 'en' | 'zh';
}

/** A place in a prompt, in code points; the end is not part of it. */
export interface Span {
  start: number;
  end: number;
}

export interface Finding {
  code: string;
  severity: 'warning' | 'hint';
  span: Span;
  /** What stands there. */
  text: string;
  /** What is wrong with it, as a sentence. */
  message: string;
  /** What should stand there instead; empty where it should go; null where only its writer knows. */
  replacement: string | null;
  note: string | null;
}

export interface Tokens {
  count: number;
  /** The most that the model reads. */
  limit: number;
  /** Whether the count is a guess, made without the model's own tokenizer. */
  estimated: boolean;
  /** How many `fixed` has. */
  fixed_count: number;
}

export interface Checked {
  findings: Finding[];
  /** The prompt with every replacement made. */
  fixed: string;
  tokens: Tokens;
}

/** The parts of a prompt. */
export interface Slots {
  subject: string;
  action: string;
  details: string[];
  background: string;
  style: string;
}

export type TemplateRequest = { prompt: string } | { slots: Slots };

export interface Template extends Slots {
  prompt: string;
}

export interface AdviceRequest {
  prompt: string;
  width?: number;
  height?: number;
}

export interface Advice {
  steps: number;
  /** The name of a size tier. */
  quality: string;
  reason: string;
}
