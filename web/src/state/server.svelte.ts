// The server as the page knows it: its client, what it can do, whether it answers. It does NOT hold
// jobs or pictures.

import { Client } from '../api/client';
import { Refused } from '../api/errors';
import type { Capabilities, Lora } from '../api/types';
import { freshId } from '../logic/ids';
import { keep, kept } from './kept';

class Server {
  readonly client = new Client();
  /** What it could do when it was last asked, also by an earlier visit; null before the first answer. */
  capabilities = $state.raw<Capabilities | null>(kept('capabilities', null));
  loras = $state.raw<Lora[]>([]);
  /** Whether the last attempt to hear from it failed. */
  lost = $state(false);
  /** Whether it wants a token that it has not been given. */
  locked = $state(false);
  token = $state<string | null>(kept('token', null));

  constructor() {
    this.client.token = this.token;
    this.client.key = clientKey();
  }

  /** Asks what it can do; `false` where it did not say. */
  async meet(): Promise<boolean> {
    try {
      this.capabilities = await this.client.capabilities();
      this.locked = false;
      this.lost = false;
      keep('capabilities', this.capabilities);
      if (this.capabilities.loras) this.loras = await this.client.loras();
      return true;
    } catch (error) {
      this.heard(error);
      return false;
    }
  }

  /** Notes what an error says about the server itself. */
  heard(error: unknown): void {
    if (error instanceof Refused) this.locked ||= error.status === 401;
    else this.lost = true;
  }

  /** Tries a token; `false` where it is not the right one. */
  async unlock(token: string): Promise<boolean> {
    this.client.token = token;
    const right = await this.meet();
    this.token = right ? token : null;
    if (right) keep('token', token);
    else this.client.token = null;
    return right;
  }
}

/** The key of this browser, made once. One that the server would refuse is made anew. */
function clientKey(): string {
  const old = kept<unknown>('client', null);
  if (typeof old === 'string' && /^[A-Za-z0-9_-]{16,64}$/.test(old)) return old;
  const key = freshId();
  keep('client', key);
  return key;
}

export const server = new Server();
