import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export const DIST: string;
export function launch(): Promise<Browser>;

export interface Mock {
  url: string;
  studio: {
    jobs: Map<string, { status: string; progress: { step: number } | null }>;
    received: Map<string, Record<string, unknown>>;
    images: Map<string, { image: { kept: boolean } }>;
    /** As a program that shows `key`, or none, would. */
    submit(request: Record<string, unknown>, key?: string): { id: string };
    /** Has whatever is drawn stand still once it has told this step; what stands still already goes on until then. */
    hold(step: number): void;
    /** Lets go what stands still. */
    letGo(): void;
    /** Breaks every stream of events. */
    cutEverything(): void;
    hang(prompt: string, seed: number, width: number, height: number, key?: string): { id: string };
  };
  asked: { path: string; body: Record<string, unknown> }[];
  /** Answers nothing for so long, or until `back`. */
  goAway(milliseconds?: number): void;
  back(): void;
  become(status: 'ready' | 'loading' | 'draining' | 'unhealthy', reason?: string): void;
  close(): Promise<void>;
}

export interface MockOptions {
  history?: boolean | 'others';
  stepMs?: number;
  model?: 'demo' | 'turbo';
  token?: string;
  maxQueue?: number;
  reads?: boolean;
}

export function mockServer(options?: MockOptions): Promise<Mock>;
export type Visitor = BrowserContextOptions & { key?: string };

export function visit(browser: Browser, mock: Mock, options?: Visitor): Promise<Page & { failures: string[] }>;
