// What can go wrong between the page and the server. It does NOT know the words for it: the
// dictionaries do.

import type { ErrorBody } from './types';

/** The server answered, and refused. */
export class Refused extends Error {
  readonly code: string;
  /** The field of the request that is meant. */
  readonly param: string | null;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | null;
  readonly requestId: string | null;

  constructor(
    readonly status: number,
    body: Partial<ErrorBody>,
    retryAfter: number | null = null,
  ) {
    super(body.message ?? '');
    this.name = 'Refused';
    this.code = body.code ?? 'internal';
    this.param = body.param ?? null;
    this.requestId = body.request_id ?? null;
    this.retryAfter = retryAfter;
  }
}

/** The server did not answer. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('the server does not answer', { cause });
    this.name = 'Unreachable';
  }
}

/** The refusal that a response is; its body may be anything. */
export async function refusal(response: Response): Promise<Refused> {
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const body = (await response.json().catch(() => null)) as { error?: Partial<ErrorBody> } | null;
  return new Refused(
    response.status,
    body?.error ?? { message: response.statusText, code: response.status === 401 ? 'unauthorized' : 'internal' },
    Number.isFinite(after) ? after : null,
  );
}
