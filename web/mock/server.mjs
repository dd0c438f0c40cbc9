// The HTTP side of the mock: routes, errors, files of the built page, and what tests ask of it under
// /mock. It does NOT draw.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

import { LORAS, MODELS } from './capabilities.mjs';
import { Studio } from './jobs.mjs';
import { thumbnail } from './paint.mjs';
import { encode, texts } from './png.mjs';
import { advice, check as read, template } from './prompt.mjs';

/** So many pictures fill the room for those that are kept. */
const MOST_KEPT = 3;

const KINDS = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

// The strictest policy that the page has to live under; it needs nothing from elsewhere.
const POLICY = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'";

const FIELDS = new Set(
  ('prompt negative_prompt width height quality steps guidance cfg_normalization cfg_truncation seed count rng loras image mask ' +
    'strength priority previews deadline_seconds allow_downscale').split(' '),
);

class Refusal extends Error {
  constructor(status, code, message, param = null, headers = {}) {
    super(message);
    Object.assign(this, { status, code, param, headers });
  }
}

/**
 * Starts the mock and returns it with its address.
 * @param {{ port?: number, stepMs?: number, dist?: string, token?: string, model?: 'demo' | 'turbo', maxQueue?: number,
 *   reads?: boolean, dropMs?: number }} options `reads`: whether it says anything about prompts, as servers of old do
 *   not; `dropMs`: for how long `drop` keeps it away, for ever where a test says when it is back
 */
export async function start(options = {}) {
  const { port = 0, stepMs = 180, dist, token, model = 'demo', maxQueue = 256, reads = true, dropMs = 900 } = options;
  const mock = { away: false, asked: [], health: { status: 'ready', reason: null } };
  const studio = new Studio({ stepMs, onDrop: () => goAway(dropMs) });
  const remembered = new Map();

  /** Answers nothing for so long, or until `back` where that has no end. */
  function goAway(milliseconds = Infinity) {
    mock.away = true;
    studio.cutEverything();
    if (milliseconds < Infinity) setTimeout(back, milliseconds).unref();
  }

  function back() {
    mock.away = false;
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    try {
      if (mock.away && /^\/(v1|health)\//.test(url.pathname)) return request.socket.destroy();
      if (url.pathname.startsWith('/mock/')) return await control(request, response, url);
      if (url.pathname === '/health/ready') return json(response, mock.health.status === 'ready' ? 200 : 503, mock.health);
      if (url.pathname.startsWith('/v1/')) return await route(request, response, url);
      return file(response, url.pathname);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      const { status = 500, code = 'internal', message, param = null, headers = {} } = error;
      const type = status < 500 ? 'invalid_request_error' : 'server_error';
      const body = { error: { message, type, code, param, docs: null, request_id: 'req_mock' } };
      return json(response, status, body, headers);
    }
  });

  /** How the server is from now on. */
  function become(status, reason = null) {
    mock.health = { status, reason };
    studio.draw(status === 'ready');
  }

  async function route(request, response, url) {
    if (token && request.headers.authorization !== `Bearer ${token}`) {
      throw new Refusal(401, 'unauthorized', 'this server wants a token');
    }
    if (url.pathname.startsWith('/v1/prompt/')) return aboutPrompt(request, response, url.pathname);
    const key = request.headers['x-zao-client'];
    const shown = (image) => ({ ...image, changeable: studio.mayChange(image.job, key) });
    const seen = (job) => {
      return { ...job, mine: studio.isOf(job.id, key), changeable: studio.mayChange(job.id, key), images: hanging(job).map(shown) };
    };
    const told = ({ image, state, ...rest }) => ({ ...rest, ...(image && { image: shown(image) }), ...(state && { state: seen(state) }) });
    const queue = () => ({ ...studio.queue(), mine: studio.underWay(key) });
    const [, , kind, id, part] = url.pathname.split('/');
    const at = `${request.method} ${kind}${id ? '/id' : ''}${part ? `/${part}` : ''}`;
    switch (at) {
      case 'GET capabilities':
        return json(response, 200, MODELS[model]);
      case 'GET loras':
        return json(response, 200, { loras: MODELS[model].loras ? LORAS : [] });
      case 'GET queue':
        return json(response, 200, queue());
      case 'GET queue/id':
        studio.queueStream.attach(request, response, null);
        return response.write(`event: queue\ndata: ${JSON.stringify(queue())}\n\n`);
      case 'POST jobs':
        return submit(request, response, seen);
      case 'GET jobs': {
        const wanted = url.searchParams.get('status')?.split(',');
        const all = [...studio.jobs.values()].reverse().filter((job) => !wanted || wanted.includes(job.status));
        const jobs = url.searchParams.get('mine') === 'true' ? all.filter((job) => studio.isOf(job.id, key)) : all;
        return page(response, 'jobs', jobs.map(seen), url);
      }
      case 'GET jobs/id':
        return json(response, 200, seen(jobOf(id)));
      case 'DELETE jobs/id':
        own(jobOf(id).id, key);
        if (!studio.cancel(jobOf(id))) throw new Refusal(409, 'already_over', 'the job is over');
        return json(response, 200, seen(jobOf(id)));
      case 'GET jobs/id/events': {
        const job = jobOf(id);
        return studio.stream(id).attach(request, response, () => ({ job: id, state: seen(job) }), told);
      }
      case 'GET images': {
        const all = [...studio.images.values()].reverse().map((entry) => entry.image);
        const wanted = url.searchParams.get('mine') === 'true' ? all.filter((image) => studio.isOf(image.job, key)) : all;
        return page(response, 'images', wanted.map(shown), url, all);
      }
      case 'GET images/id':
        return picture(response, imageOf(id), url.searchParams.get('thumb'));
      case 'GET images/id/recipe':
        return json(response, 200, imageOf(id).recipe);
      case 'PATCH images/id': {
        const { image } = imageOf(id);
        own(image.job, key);
        const { kept } = JSON.parse(await bodyOf(request));
        // Half of the room, which the mock counts in pictures.
        const others = [...studio.images.values()].filter((entry) => entry.image.kept && entry.image.id !== id).length;
        if (kept && others >= MOST_KEPT) throw new Refusal(400, 'invalid_request', 'pictures that are kept may take half of the room', 'kept');
        image.kept = kept;
        return json(response, 200, shown(image));
      }
      case 'DELETE images/id':
        own(imageOf(id).image.job, key);
        studio.images.delete(id);
        response.writeHead(204).end();
        return undefined;
      case 'POST png-info':
        return json(response, 200, pngInfo(await bodyOf(request)));
      default:
        throw new Refusal(404, 'not_found', `nothing is at ${request.method} ${url.pathname}`);
    }
  }

  async function aboutPrompt(request, response, path) {
    const body = JSON.parse(await bodyOf(request));
    mock.asked.push({ path, body });
    // Of these words whoever asks hears nothing, until it asks about others.
    if (reads && body.prompt?.includes('never read')) return new Promise((resolve) => response.once('close', resolve));
    if (reads && path === '/v1/prompt/check') return json(response, 200, read(body));
    if (reads && path === '/v1/prompt/template') return json(response, 200, template(body));
    if (reads && path === '/v1/prompt/advice') return json(response, 200, advice(body));
    throw new Refusal(404, 'not_found', `nothing is at ${path}`);
  }

  /** The pictures of a job that nobody has deleted. */
  function hanging(job) {
    return job.images.filter(({ id }) => studio.images.has(id));
  }

  function own(job, key) {
    if (!studio.mayChange(job, key)) throw new Refusal(403, 'forbidden', "this is somebody else's", 'X-Zao-Client');
  }

  async function submit(request, response, seen) {
    if (mock.health.status === 'draining') throw new Refusal(503, 'draining', 'the server is about to stop', null, { 'retry-after': '30' });
    const key = request.headers['idempotency-key'];
    if (key && remembered.has(key)) return json(response, 200, seen(remembered.get(key)));
    const text = (await bodyOf(request)).toString('utf8');
    const body = JSON.parse(text);
    // As digits: a JSON number would lose those above 2^53.
    const seed = /"seed":\s*(\d+)/.exec(text)?.[1];
    if (seed) body.seed = seed;
    check(body, MODELS[model]);
    if (studio.depth >= maxQueue) {
      throw new Refusal(429, 'queue_full', `${maxQueue} jobs wait already`, null, { 'retry-after': '3' });
    }
    const job = studio.submit(body, request.headers['x-zao-client']);
    if (key) remembered.set(key, job);
    return json(response, 202, seen(job), { location: job.links.self });
  }

  function jobOf(id) {
    const job = studio.jobs.get(id);
    if (!job) throw new Refusal(404, 'not_found', 'no such job');
    return job;
  }

  function imageOf(id) {
    const entry = studio.images.get(id);
    if (!entry) throw new Refusal(404, 'not_found', 'no such picture');
    return entry;
  }

  async function control(request, response, url) {
    const seconds = Number(url.searchParams.get('seconds') ?? 1);
    if (url.pathname === '/mock/away') goAway(seconds * 1000);
    if (url.pathname === '/mock/health') become(url.searchParams.get('status') ?? 'ready', url.searchParams.get('reason'));
    if (url.pathname === '/mock/hang') {
      const { pictures } = JSON.parse(await bodyOf(request));
      for (const { prompt, seed = 7, width = 256, height = 256 } of pictures) studio.hang(prompt, seed, width, height);
    }
    return json(response, 200, { images: studio.images.size, jobs: studio.jobs.size });
  }

  function file(response, path) {
    if (!dist) throw new Refusal(404, 'not_found', 'the mock was started without a built page');
    const wanted = join(dist, normalize(path === '/' ? '/index.html' : path));
    if (!wanted.startsWith(dist) || !existsSync(wanted) || !statSync(wanted).isFile()) {
      throw new Refusal(404, 'not_found', `no file ${path}`);
    }
    response.writeHead(200, {
      'content-type': KINDS[extname(wanted)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
    });
    return response.end(readFileSync(wanted));
  }

  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    studio,
    /** Every question about a prompt, in order. */
    asked: mock.asked,
    goAway,
    back,
    become,
    close: () => {
      studio.stop();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function check(body, can) {
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown) throw new Refusal(400, 'invalid_request', `unknown field ${unknown}`, unknown);
  if (!body.prompt?.trim()) throw new Refusal(400, 'invalid_request', 'the prompt is empty', 'prompt');
  if (body.prompt.length > can.max_prompt_characters) {
    throw new Refusal(400, 'prompt_too_long', `the prompt has ${body.prompt.length} characters, 4000 are allowed`, 'prompt');
  }
  for (const side of ['width', 'height']) {
    if (body[side] !== undefined && (body[side] % can.size_multiple !== 0 || body[side] < can.min_side)) {
      throw new Refusal(400, 'invalid_size', `${side} ${body[side]} is not a multiple of ${can.size_multiple}`, side);
    }
  }
  if (body.width * body.height > can.max_pixels) {
    throw new Refusal(400, 'invalid_size', `${body.width}x${body.height} is more than ${can.max_pixels} pixels`, 'width');
  }
}

/** A page of `all`, behind one of `known` that may not be among them. */
function page(response, name, all, url, known = all) {
  const after = url.searchParams.get('after');
  const limit = Number(url.searchParams.get('limit') ?? 50);
  const behind = new Set(after ? known.slice(known.findIndex((entry) => entry.id === after) + 1) : known);
  const from = after ? all.findIndex(({ id }) => [...behind].some((entry) => entry.id === id)) : 0;
  if (from < 0) return json(response, 200, { [name]: [], next: null });
  const shown = all.slice(from, from + limit);
  return json(response, 200, { [name]: shown, next: from + limit < all.length ? shown.at(-1).id : null });
}

function picture(response, entry, thumb) {
  const { png, picture: full } = entry;
  response.setHeader('cache-control', 'private, max-age=31536000, immutable');
  response.setHeader('content-type', 'image/png');
  if (!thumb) return response.end(png);
  return response.end(encode(thumbnail(full, Number(thumb))));
}

function pngInfo(bytes) {
  const found = texts(bytes);
  if (!found) throw new Refusal(400, 'invalid_image', 'this is not a PNG');
  const recipe = found.zao ? JSON.parse(found.zao) : null;
  const { prompt, negative_prompt, width, height, steps, guidance, seed, rng } = recipe ?? {};
  return {
    recipe,
    request: recipe && { prompt, ...(negative_prompt && { negative_prompt }), width, height, steps, guidance, seed, rng },
    parameters: found.parameters ?? null,
    source: recipe ? 'zao' : found.parameters ? 'a1111' : null,
  };
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  return response.end(JSON.stringify(body));
}
