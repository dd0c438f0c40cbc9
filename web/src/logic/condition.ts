// What the answer about the server's health means for somebody who wants a picture. It does NOT ask.

import type { Readiness } from '../api/types';

/** `unwell` gets better by itself; `given-up` needs somebody who sees to it. */
export type Condition = 'ready' | 'loading' | 'draining' | 'unwell' | 'given-up';

// The server tells the two apart in its reason alone: it asks for a hand where it has given up.
const ASKS_FOR_A_HAND = /start zao again/;

export function condition({ status, reason }: Readiness): Condition {
  if (status !== 'unhealthy') return status;
  return ASKS_FOR_A_HAND.test(reason ?? '') ? 'given-up' : 'unwell';
}
