// What the server says about a prompt before anything is drawn: findings, slots, advice, under the names that the page uses. The types
// are made of the server's own description. It does NOT send anything; `Client.aboutPrompt` does.

import type { components } from './openapi';

type Schemas = components['schemas'];

export const CHECK = '/v1/prompt/check';
export const TEMPLATE = '/v1/prompt/template';
export const ADVICE = '/v1/prompt/advice';

export type CheckRequest = Schemas['CheckPrompt'];
/** A place in a prompt, in code points; the end is not part of it. */
export type Span = Schemas['Span'];
export type Finding = Schemas['Finding'];
export type Tokens = Schemas['PromptTokens'];
/** What could be better, and the prompt with every replacement made. */
export type Checked = Schemas['PromptReport'];
/** The parts of a prompt. */
export type Slots = Required<Schemas['PromptSlots']>;
export type TemplateRequest = { prompt: string } | { slots: Slots };
export type Template = Slots & Omit<Schemas['PromptTemplate'], keyof Slots>;
export type AdviceRequest = Schemas['AskAdvice'];
/** Steps, a size tier, and why in both languages. */
export type Advice = Schemas['PromptAdvice'];
